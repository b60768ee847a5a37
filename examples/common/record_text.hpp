#pragma once
#include <string>

#include "nal/resolver/record.hpp"

namespace examples {

/// A record's data as zone files have it (RFC 1035 §5.1).
std::string text_of_record(nal::dns::Type type, std::span<const std::byte> data);
/// "TXT", or "TYPE65".
std::string text_of_type(nal::dns::Type type);
/// Text from the network as it is, if it is good UTF-8 without control characters; what is not as \123.
std::string printable(std::string_view text);
/// A name for people: UTF-8 and blanks as they are, dots in labels as "\.".
std::string readable(const nal::dns::Name& name);

}  // namespace examples
