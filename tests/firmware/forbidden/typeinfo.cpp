struct Shape {
  virtual int sides();
};
int Shape::sides() { return 0; }
