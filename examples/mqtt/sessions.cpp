#include "examples/mqtt/operations.hpp"

namespace mqtt {

template class BasicSession<kFull>;
template class BasicSession<kSmall>;

}  // namespace mqtt
