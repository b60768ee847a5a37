#pragma once
#include <catch2/catch_tostring.hpp>

#include <string>

#include "nal/error.hpp"
#include "nal/hosted/format.hpp"
#include "nal/result.hpp"

/// What a failed `CHECK(result == Unexpected(error))` expected.
template <>
struct Catch::StringMaker<nal::Unexpected> {
  static std::string convert(const nal::Unexpected& unexpected) {
    return std::string("error: ") + nal::to_string(unexpected.error());
  }
};
