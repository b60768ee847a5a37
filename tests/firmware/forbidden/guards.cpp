int measure();
int once() {
  static const int value = measure();
  return value;
}
