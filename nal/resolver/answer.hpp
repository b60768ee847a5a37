#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "nal/resolver/message.hpp"
#include "nal/resolver/record.hpp"

namespace nal::dns {

/// What is known about a name and a type.
struct Answer {
  enum class Kind : std::uint8_t {
    records,
    no_records,  ///< the name exists, without records of that type (RFC 2308 §2.2)
    no_name,     ///< no such name (RFC 2308 §2.1)
  };
  Kind kind = Kind::no_name;
  Type type{};
  bool cut = false;         ///< there are more records
  bool aliased = false;     ///< of what the name is an alias for
  std::uint16_t count = 0;  ///< of records
  std::uint16_t size = 0;   ///< of their data, in memory that belongs to whoever holds the answer
  std::uint32_t ttl = 0;    ///< seconds that it may be kept; 0: not at all

  RecordSet records(std::span<const std::byte> memory) const noexcept {
    return RecordSet(type, ttl, count, cut, memory.first(size));
  }
};

/// What reading a server's message came to.
struct Reading {
  enum class Outcome : std::uint8_t {
    answer,     ///< here it is
    alias,      ///< the name is another name for one that the message tells nothing about
    failed,     ///< the server cannot or will not tell (RFC 2308 §7, RFC 1035 §4.1.1); ask another
    lame,       ///< it knows nothing and points elsewhere; ask another
    malformed,  ///< the message breaks the protocol; ask another
    plain,      ///< it does not understand EDNS; ask it without (RFC 6891 §7)
  };
  Outcome outcome = Outcome::malformed;
  Answer answer{};
};

/// At most so many aliases (CNAME) lead from a question to its answer.
inline constexpr unsigned kMaxAliases = 10;
/// At most so many records of a message are looked at.
inline constexpr unsigned kMaxRecords = 256;

/// Reads a server's answer to a question about `name` and `type`, whose id and question have been checked.
///
/// Only what answers the question is used: the records of `name`, of what it is an alias for, and so on, in the answer
/// section; nothing that a server volunteers. The data of the records is put to the front of `out`. `name` becomes the
/// last name of the chain; `aliases` counts down, and 0 left is malformed. `cut`: the message is the front of a larger
/// one.
Reading read_answer(const Message& message, bool cut, Name& name, Type type, unsigned& aliases,
                    std::span<std::byte> out) noexcept;

}  // namespace nal::dns
