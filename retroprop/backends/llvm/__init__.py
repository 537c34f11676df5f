"""The native backend: graphs become LLVM IR, and that becomes machine code of this CPU."""
