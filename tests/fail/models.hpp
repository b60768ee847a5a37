#pragma once
#include "nal/dns.hpp"
#include "nal/tcp.hpp"
#include "nal/udp.hpp"

/// Handles and a stack that meet the concepts by their declarations, less what a macro takes away.
namespace model {

using nal::Context;
using nal::Endpoint;
using nal::InterfaceId;
using nal::IpAddress;
using nal::Poll;
using nal::Result;
using nal::Waiter;

struct Stream {
#ifdef STREAM_CANNOT_MOVE
  Stream(Stream&&) = delete;
#else
  Stream(Stream&&) noexcept;
#endif
#ifdef MOVING_STREAM_MAY_THROW
  Stream& operator=(Stream&&);
#else
  Stream& operator=(Stream&&) noexcept;
#endif

#ifdef POLL_READ_GIVES_NO_RESULT
  Poll<std::size_t> poll_read(Context&, Waiter&, std::span<std::byte>) noexcept;
#elif !defined(NO_POLL_READ)
  Poll<Result<std::size_t>> poll_read(Context&, Waiter&, std::span<std::byte>) noexcept;
#endif
#ifdef POLL_WRITE_WANTS_MUTABLE_BYTES
  Poll<Result<std::size_t>> poll_write(Context&, Waiter&, std::span<std::byte>) noexcept;
#elif !defined(NO_POLL_WRITE)
  Poll<Result<std::size_t>> poll_write(Context&, Waiter&, std::span<const std::byte>) noexcept;
#endif
#ifndef NO_POLL_FLUSH
  Poll<Result<>> poll_flush(Context&, Waiter&) noexcept;
#endif
#ifndef NO_POLL_SHUTDOWN
  Poll<Result<>> poll_shutdown(Context&, Waiter&) noexcept;
#endif
#ifndef NO_POLL_CONNECTED
  Poll<Result<>> poll_connected(Context&, Waiter&) noexcept;
#endif
#ifdef ABORT_MAY_THROW
  void abort();
#elif !defined(NO_ABORT)
  void abort() noexcept;
#endif
#ifndef NO_STREAM_CONFIGURE
  Result<> configure(const nal::TcpOptions&) noexcept;
#endif
#ifndef NO_STREAM_LOCAL_ENDPOINT
  Endpoint local_endpoint() const noexcept;
#endif
#ifdef REMOTE_ENDPOINT_NOT_CONST
  Endpoint remote_endpoint() noexcept;
#elif !defined(NO_STREAM_REMOTE_ENDPOINT)
  Endpoint remote_endpoint() const noexcept;
#endif
};

struct Listener {
#ifndef LISTENER_NAMES_NO_STREAM
  using TcpStream = Stream;
#endif
#ifdef LISTENER_CANNOT_MOVE
  Listener(Listener&&) = delete;
#else
  Listener(Listener&&) noexcept;
#endif
#ifndef NO_POLL_ACCEPT
  Poll<Result<Stream>> poll_accept(Context&, Waiter&) noexcept;
#endif
#ifndef NO_LISTENER_LOCAL_ENDPOINT
  Endpoint local_endpoint() const noexcept;
#endif
};

struct Receiver {
  Receiver(Receiver&&) noexcept;
#ifndef NO_POLL_RECEIVE
  Poll<Result<nal::Received>> poll_receive(Context&, Waiter&, std::span<std::byte>) noexcept;
#endif
#ifndef NO_UDP_CONFIGURE
  Result<> configure(const nal::UdpOptions&) noexcept;
#endif
#ifndef NO_UDP_LOCAL_ENDPOINT
  Endpoint local_endpoint() const noexcept;
#endif
};

struct Connected : Receiver {
#ifdef POLL_SEND_GIVES_SIZE
  Poll<Result<std::size_t>> poll_send(Context&, Waiter&, std::span<const std::byte>) noexcept;
#elif !defined(NO_POLL_SEND)
  Poll<Result<>> poll_send(Context&, Waiter&, std::span<const std::byte>) noexcept;
#endif
#ifndef NO_UDP_REMOTE_ENDPOINT
  Endpoint remote_endpoint() const noexcept;
#endif
};

struct Unconnected : Receiver {
#ifdef POLL_SEND_KNOWS_NO_LOCAL_ADDRESS
  Poll<Result<>> poll_send(Context&, Waiter&, const Endpoint&, std::span<const std::byte>) noexcept;
#else
  Poll<Result<>> poll_send(Context&, Waiter&, const Endpoint&, const Endpoint&, std::span<const std::byte>) noexcept;
#endif
#ifndef NO_JOIN
  Result<> join(const IpAddress&, InterfaceId) noexcept;
#endif
#ifndef NO_LEAVE
  Result<> leave(const IpAddress&, InterfaceId) noexcept;
#endif
#ifndef NO_JOIN_SOURCE
  Result<> join_source(const IpAddress&, const IpAddress&, InterfaceId) noexcept;
#endif
#ifndef NO_LEAVE_SOURCE
  Result<> leave_source(const IpAddress&, const IpAddress&, InterfaceId) noexcept;
#endif
};

struct Question {
  Question(Question&&) noexcept;
#ifndef NO_POLL_ADDRESSES
  Poll<Result<std::size_t>> poll_addresses(Context&, Waiter&, std::span<IpAddress>) noexcept;
#endif
};

struct ReverseQuestion {
  ReverseQuestion(ReverseQuestion&&) noexcept;
#ifndef NO_POLL_NAME
  Poll<Result<std::size_t>> poll_name(Context&, Waiter&, std::span<char>) noexcept;
#endif
};

struct Stack {
#ifndef STACK_NAMES_NO_STREAM
  using TcpStream = Stream;
#endif
#ifndef NO_START_TCP
  Result<Stream> start_tcp(const Endpoint&, const nal::TcpOptions&) noexcept;
#endif

#ifndef STACK_NAMES_NO_LISTENER
  using TcpListener = Listener;
#endif
#ifdef LISTEN_GIVES_NO_RESULT
  Listener listen(const Endpoint&, const nal::ListenOptions&) noexcept;
#elif !defined(NO_LISTEN)
  Result<Listener> listen(const Endpoint&, const nal::ListenOptions&) noexcept;
#endif

#ifndef STACK_NAMES_NO_CONNECTED_SOCKET
  using ConnectedUdp = Connected;
#endif
  using UniquelyBoundUdp = Unconnected;
  using MultiplyBoundUdp = Unconnected;
#ifndef NO_UDP_CONNECT_FROM
  Result<Connected> udp_connect_from(const Endpoint&, const Endpoint&, const nal::UdpOptions&) noexcept;
#endif
#ifndef NO_UDP_BIND_SINGLE
  Result<Unconnected> udp_bind_single(const Endpoint&, const nal::UdpOptions&) noexcept;
#endif
#ifndef NO_UDP_BIND_MULTIPLE
  Result<Unconnected> udp_bind_multiple(const Endpoint&, const nal::UdpOptions&) noexcept;
#endif

#ifndef RESOLVER_NAMES_NO_LOOKUP
  using Lookup = Question;
#endif
  using ReverseLookup = ReverseQuestion;
#ifndef NO_START_LOOKUP
  Result<Question> start_lookup(std::string_view, nal::Family) noexcept;
#endif
#ifndef NO_START_REVERSE_LOOKUP
  Result<ReverseQuestion> start_reverse_lookup(const IpAddress&) noexcept;
#endif
};

}  // namespace model
