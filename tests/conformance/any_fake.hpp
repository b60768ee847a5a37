#pragma once
#include "nal/any_stack.hpp"
#include "tests/conformance/fake.hpp"

namespace nal::conformance {

/// A backend behind `AnyStack`: what is erased keeps every promise.
template <class Base>
class AnyFixture : public Base {
 public:
  using Stack = AnyStack;
  Stack& client() { return client_; }
  Stack& server() { return server_; }

 private:
  AnyStack client_{Base::client()};
  AnyStack server_{Base::server()};
};

using AnyFakeFixture = AnyFixture<FakeFixture>;

}  // namespace nal::conformance
