// How large the embedded stack's objects are with a set of features: each as an array of that many bytes.
#include "backends/embedded/stack.hpp"

using namespace nal::embedded;

#define NAL_SIZES_OBJECT(type) extern "C" const char object_##type[sizeof(type)] = {}

NAL_SIZES_OBJECT(Connection);
NAL_SIZES_OBJECT(ListenerEntry);
NAL_SIZES_OBJECT(SynEntry);
NAL_SIZES_OBJECT(TimeWaitEntry);
NAL_SIZES_OBJECT(UdpSlot);
NAL_SIZES_OBJECT(Interface);
NAL_SIZES_OBJECT(InterfaceAddress);
NAL_SIZES_OBJECT(Neighbor);
NAL_SIZES_OBJECT(Stack);
