"""A classifier for three kinds of wine, with the loop written out.

The data are 178 real chemical analyses; a third is kept for the test. Normalisation is learned on
the training part only.
"""

from pathlib import Path

import retroprop as rp
from retroprop import data, nn, optim

rp.manual_seed(0)
table = data.load(Path(__file__).parent / "data" / "wine.csv", "target", test_fraction=0.33)
prepare = table.preprocessor().fit(table.x_train, table.y_train)
x, x_test = (rp.asarray(prepare.transform(part)) for part in (table.x_train, table.x_test))
y, y_test = rp.asarray(table.y_train), rp.asarray(table.y_test)

model = nn.Sequential(nn.Linear(x.shape[1], 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = optim.AdamW(model.parameters(), lr=optim.schedule.cosine(0.01, 200))
for step in range(200):
    loss = nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"step {step:3}  loss {loss.item():.4f}")

with rp.no_grad():
    right = rp.argmax(model(x_test), axis=1) == y_test
accuracy = rp.mean(right.astype(rp.float32)).item()
print(f"test accuracy {accuracy:.3f} on {len(y_test)} wines")
assert accuracy > 0.93
