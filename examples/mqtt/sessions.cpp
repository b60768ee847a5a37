#include "examples/mqtt/operations.hpp"

#ifndef __OPTIMIZE_SIZE__
namespace mqtt {

template class BasicSession<kFull>;
template class BasicSession<kSmall>;

}  // namespace mqtt
#endif
