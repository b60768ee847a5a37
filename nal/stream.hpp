#pragma once
#include <concepts>
#include <cstddef>
#include <span>

#include "nal/future.hpp"

namespace nal {

/// A source of bytes.
///
/// *Syntax*: `s.poll_read(context, waiter, buffer)` gives a `Poll<Result<std::size_t>>`.
/// *Semantics*: ready with n > 0: n bytes stand at the front of `buffer`; fewer than its size says nothing about what
/// follows. Ready with 0: the peer has ended its direction (end of stream), now and on every later call; or `buffer` is
/// empty, which completes at once and reads nothing. Pending: `waiter` is linked to what will wake the task. An error
/// ends the stream; bytes received before it are read first.
/// *Several readers*: allowed; bytes go to whoever polls first.
/// *Cancellation*: destroying the waiter unlinks it. Nothing was read.
/// *Buffer lifetime*: touched only during the call.
/// *Conforming signature*: `Poll<Result<std::size_t>> poll_read(Context&, Waiter&, std::span<std::byte>)`.
template <class S>
concept ByteReader = requires(S& s, Context& context, Waiter& waiter, std::span<std::byte> buffer) {
  { s.poll_read(context, waiter, buffer) } -> std::same_as<Poll<Result<std::size_t>>>;
};

/// A sink of bytes.
///
/// *Syntax*: `s.poll_write(context, waiter, data)` gives a `Poll<Result<std::size_t>>`; `s.poll_flush(context, waiter)`
/// and `s.poll_shutdown(context, waiter)` give a `Poll<Result<>>`.
/// *Semantics*: `poll_write` takes between one byte and all of `data` and tells how many; empty data completes at once
/// with 0. `poll_flush` is ready when all that was written has been handed to the transport; never a promise that
/// the peer has it. `poll_shutdown` ends this direction behind the written data; reading goes on; calling it again
/// changes nothing; writing after it is `Error::broken_pipe`.
/// *Cancellation*: destroying the waiter unlinks it. What was taken stays taken.
/// *Buffer lifetime*: touched only during the call.
template <class S>
concept ByteWriter = requires(S& s, Context& context, Waiter& waiter, std::span<const std::byte> data) {
  { s.poll_write(context, waiter, data) } -> std::same_as<Poll<Result<std::size_t>>>;
  { s.poll_flush(context, waiter) } -> std::same_as<Poll<Result<>>>;
  { s.poll_shutdown(context, waiter) } -> std::same_as<Poll<Result<>>>;
};

template <class S>
concept ByteStream = ByteReader<S> && ByteWriter<S>;

/// Pieces of data to send in order, as one.
using ConstBuffers = std::span<const std::span<const std::byte>>;

/// A writer that takes several pieces in one go. Optional: `nal::write_gather` does without.
///
/// *Semantics*: as `poll_write` on the concatenation of the pieces.
/// *Conforming signature*: `Poll<Result<std::size_t>> poll_write_gather(Context&, Waiter&, ConstBuffers)`.
template <class S>
concept GatherWriter = ByteWriter<S> && requires(S& s, Context& context, Waiter& waiter, ConstBuffers pieces) {
  { s.poll_write_gather(context, waiter, pieces) } -> std::same_as<Poll<Result<std::size_t>>>;
};

/// A source of bytes that can be looked at where they lie. Optional; `BufferedReader` makes one of any `ByteReader`.
///
/// *Syntax*: `s.poll_fill(context, waiter)` gives a `Poll<Result<std::span<const std::byte>>>`; `s.consume(n)`.
/// *Semantics*: `poll_fill` is ready with the bytes at the front of the stream, empty at its end; asking again without
/// `consume` gives at least the same bytes. `consume(n)` takes the first n of them off the stream; n is at most what
/// was shown (asserted). *Buffer lifetime*: the span is the stream's own memory, valid until the next call of any kind
/// on the stream.
template <class S>
concept ZeroCopyReader = requires(S& s, Context& context, Waiter& waiter, std::size_t n) {
  { s.poll_fill(context, waiter) } -> std::same_as<Poll<Result<std::span<const std::byte>>>>;
  { s.consume(n) } -> std::same_as<void>;
};

/// A sink whose own memory can be written in place. Optional.
///
/// *Syntax*: `s.poll_reserve(context, waiter)` gives a `Poll<Result<std::span<std::byte>>>`; `s.commit(n)`.
/// *Semantics*: `poll_reserve` is ready with room for at least one byte; `commit(n)` sends the first n bytes of it, n
/// at most its size (asserted). Reserving without committing sends nothing. *Buffer lifetime*: the span is the stream's
/// own memory, valid until the next call of any kind on the stream.
template <class S>
concept ZeroCopyWriter = requires(S& s, Context& context, Waiter& waiter, std::size_t n) {
  { s.poll_reserve(context, waiter) } -> std::same_as<Poll<Result<std::span<std::byte>>>>;
  { s.commit(n) } -> std::same_as<void>;
};

}  // namespace nal
