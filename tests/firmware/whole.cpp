// Refers to nothing of the library: the linker was told to take all of it.
int main() { return 0; }
