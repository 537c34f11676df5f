"""The native side of the thread pool, in LLVM IR: waiting, the barrier, the life of a worker.

Waiting begins as spinning, since what is awaited mostly comes within a microsecond. Soon it offers
the processor to whoever else wants it, between spins, and in the end it sleeps: a machine with more
threads than cores makes progress, and an idle program costs nothing.

    watch(word, seen, patience)    spins until the word is not `seen` (true), or gives up (false)
    barrier(meet, thread, threads) returns when all threads are here
    worker(index)                  a thread: waits for its ticket to change, works, meets, waits ...
    launch(function, arguments, threads)   hands out work, takes part in it, returns when it is done
    open()                         everything as at the start, with no workers

Threads count themselves as they arrive at the barrier; the last one opens the next round, which the
others watch. Words that different threads write stand on cache lines of their own.

Workers without work sleep on a condition variable. `launch` changes tickets, then looks for
sleepers; a worker counts itself among the sleepers, then looks at its ticket: between the two steps
of each stands a fence, so that one sees the other.
"""

from __future__ import annotations

from retroprop.backends.llvm.target import Target

__all__ = ["MOST_THREADS", "text"]

_LINE = 128  # bytes between words of different threads: two cache lines, since they travel in pairs
MOST_THREADS = 256

_SPINS = 200  # looks at a word between offers of the processor to others: some 5 us
_PATIENCE_IDLE = 60_000  # nanoseconds that a worker without work stays awake
_PATIENCE_MEETING = 1_000_000  # ... and that a thread does within a step, for the slowest of them
_NAP = 100_000  # ... and that it then sleeps before it looks again

_TEXT = """
@meet = internal global [{line} x i8] zeroinitializer, align {line}
@arrived = internal global i64 0, align {line}
@round = internal global i64 0, align {line}
@tickets = internal global [{most} x [{line} x i8]] zeroinitializer, align {line}
@job = internal global [3 x i64] zeroinitializer, align {line}
@sleepers = internal global i64 0, align {line}
@mutex = internal global [{line} x i8] zeroinitializer, align {line}
@condition = internal global [{line} x i8] zeroinitializer, align {line}

declare i32 @sched_yield()
declare i32 @nanosleep(ptr, ptr)
declare i32 @clock_gettime(i32, ptr)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_broadcast(ptr)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
{pause_declaration}

define internal i64 @now() nounwind {{
  %time = alloca [2 x i64], align 16
  %failed = call i32 @clock_gettime(i32 {clock}, ptr %time)
  %seconds = load i64, ptr %time, align 8
  %rest = getelementptr i64, ptr %time, i64 1
  %nanoseconds = load i64, ptr %rest, align 8
  %whole = mul i64 %seconds, 1000000000
  %sum = add i64 %whole, %nanoseconds
  ret i64 %sum
}}

define internal i1 @watch(ptr %word, i64 %seen, i64 %patience) nounwind noinline {{
begin:
  br label %look
look:
  %end = phi i64 [ 0, %begin ], [ %end, %pause ], [ %until, %yield ]
  %spins = phi i64 [ 0, %begin ], [ %more, %pause ], [ 0, %yield ]
  %value = load atomic i64, ptr %word acquire, align 8
  %same = icmp eq i64 %value, %seen
  br i1 %same, label %pause, label %done
pause:
  {pause}
  %more = add i64 %spins, 1
  %tired = icmp eq i64 %more, {spins}
  br i1 %tired, label %yield, label %look
yield:
  %yielded = call i32 @sched_yield()
  %now = call i64 @now()
  %first = icmp eq i64 %end, 0
  %later = add i64 %now, %patience
  %until = select i1 %first, i64 %later, i64 %end
  %late = icmp sgt i64 %now, %until
  br i1 %late, label %done, label %look
done:
  %changed = phi i1 [ true, %look ], [ false, %yield ]
  ret i1 %changed
}}

define internal void @barrier(ptr %meet, i64 %thread, i64 %threads) nounwind {{
begin:
  %time = alloca [2 x i64], align 16
  %now = load atomic i64, ptr @round acquire, align 8
  %before = atomicrmw add ptr @arrived, i64 1 acq_rel
  %here = add i64 %before, 1
  %last = icmp eq i64 %here, %threads
  br i1 %last, label %open, label %stay
open:
  store atomic i64 0, ptr @arrived monotonic, align 8
  %next = add i64 %now, 1
  store atomic i64 %next, ptr @round release, align 8
  ret void
stay:
  %soon = call i1 @watch(ptr @round, i64 %now, i64 {meeting})
  br i1 %soon, label %done, label %nap
nap:
  store i64 0, ptr %time, align 8
  %rest = getelementptr i64, ptr %time, i64 1
  store i64 {nap}, ptr %rest, align 8
  %slept = call i32 @nanosleep(ptr %time, ptr null)
  %there = call i1 @watch(ptr @round, i64 %now, i64 0)
  br i1 %there, label %done, label %nap
done:
  ret void
}}

define ptr @worker(ptr %index) nounwind {{
begin:
  %thread = ptrtoint ptr %index to i64
  %ticket = getelementptr [{line} x i8], ptr @tickets, i64 %thread
  br label %work
work:
  %seen = phi i64 [ 0, %begin ], [ %now, %called ]
  %soon = call i1 @watch(ptr %ticket, i64 %seen, i64 {idle})
  br i1 %soon, label %called, label %sleep
sleep:
  %locked = call i32 @pthread_mutex_lock(ptr @mutex)
  %others = atomicrmw add ptr @sleepers, i64 1 seq_cst
  fence seq_cst
  br label %asleep
asleep:
  %value = load atomic i64, ptr %ticket seq_cst, align 8
  %same = icmp eq i64 %value, %seen
  br i1 %same, label %dream, label %awake
dream:
  %slept = call i32 @pthread_cond_wait(ptr @condition, ptr @mutex)
  br label %asleep
awake:
  %fewer = atomicrmw sub ptr @sleepers, i64 1 seq_cst
  %unlocked = call i32 @pthread_mutex_unlock(ptr @mutex)
  br label %called
called:
  %now = load atomic i64, ptr %ticket acquire, align 8
  %function = load ptr, ptr @job, align 8
  %arguments = load ptr, ptr getelementptr (i64, ptr @job, i64 1), align 8
  %threads = load i64, ptr getelementptr (i64, ptr @job, i64 2), align 8
  call void %function(ptr %arguments, i64 %thread, i64 %threads, ptr @meet)
  call void @barrier(ptr @meet, i64 %thread, i64 %threads)
  br label %work
}}

define void @launch(ptr %function, ptr %arguments, i64 %threads) nounwind {{
begin:
  store ptr %function, ptr @job, align 8
  store ptr %arguments, ptr getelementptr (i64, ptr @job, i64 1), align 8
  store i64 %threads, ptr getelementptr (i64, ptr @job, i64 2), align 8
  br label %hand
hand:
  %thread = phi i64 [ 1, %begin ], [ %next, %hand ]
  %ticket = getelementptr [{line} x i8], ptr @tickets, i64 %thread
  %old = load atomic i64, ptr %ticket monotonic, align 8
  %new = add i64 %old, 1
  store atomic i64 %new, ptr %ticket release, align 8
  %next = add i64 %thread, 1
  %all = icmp eq i64 %next, %threads
  br i1 %all, label %wake, label %hand
wake:
  fence seq_cst
  %sleeping = load atomic i64, ptr @sleepers seq_cst, align 8
  %none = icmp eq i64 %sleeping, 0
  br i1 %none, label %work, label %call
call:
  %locked = call i32 @pthread_mutex_lock(ptr @mutex)
  %called = call i32 @pthread_cond_broadcast(ptr @condition)
  %unlocked = call i32 @pthread_mutex_unlock(ptr @mutex)
  br label %work
work:
  call void %function(ptr %arguments, i64 0, i64 %threads, ptr @meet)
  call void @barrier(ptr @meet, i64 0, i64 %threads)
  ret void
}}

define void @open() nounwind {{
  call void @llvm.memset.p0.i64(ptr @tickets, i8 0, i64 {tickets}, i1 false)
  store i64 0, ptr @arrived, align 8
  store i64 0, ptr @round, align 8
  store i64 0, ptr @sleepers, align 8
  %mutex = call i32 @pthread_mutex_init(ptr @mutex, ptr null)
  %condition = call i32 @pthread_cond_init(ptr @condition, ptr null)
  store ptr @barrier, ptr @meet, align 8
  ret void
}}
"""


def text(target: Target, clock: int) -> str:
    """The module.

    Args:
        clock: the system's number of its steady clock.
    """
    declaration, pause = target.pause
    return _TEXT.format(
        line=_LINE,
        most=MOST_THREADS,
        tickets=MOST_THREADS * _LINE,
        clock=clock,
        spins=_SPINS,
        idle=_PATIENCE_IDLE,
        meeting=_PATIENCE_MEETING,
        nap=_NAP,
        pause=pause,
        pause_declaration=declaration,
    )
