#pragma once
#include <string>

#include "nal/resolver/record.hpp"

/// A record's data as zone files have it (RFC 1035 §5.1).
std::string text_of_record(nal::dns::Type type, std::span<const std::byte> data);
