int* allocate() { return new int(1); }
void release(int* value) { delete value; }
