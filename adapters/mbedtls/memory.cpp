#include "adapters/mbedtls/memory.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#include "nal/assert.hpp"

namespace nal::tls {

#if defined(MBEDTLS_PLATFORM_MEMORY) && !defined(MBEDTLS_PLATFORM_CALLOC_MACRO)
namespace {
Memory* installed = nullptr;  // Mbed TLS's hooks take no argument
void* allocate_installed(std::size_t count, std::size_t size) { return installed->allocate(count, size); }
void release_installed(void* memory) { installed->release(memory); }
}  // namespace
#endif

Memory::Memory(std::span<std::byte> bytes) noexcept {
  auto at = reinterpret_cast<std::uintptr_t>(bytes.data());
  const std::size_t skip = (alignof(Piece) - at % alignof(Piece)) % alignof(Piece);
  if (bytes.size() < skip + sizeof(Piece)) { return; }
  const std::size_t size = (bytes.size() - skip) / alignof(Piece) * alignof(Piece);
  first_ = ::new (static_cast<void*>(bytes.data() + skip)) Piece{size | kFree, nullptr};
  end_ = bytes.data() + skip + size;
}

Memory::~Memory() {
#if defined(MBEDTLS_PLATFORM_MEMORY) && !defined(MBEDTLS_PLATFORM_CALLOC_MACRO)
  if (installed_) {
    library::stop();
    mbedtls_platform_set_calloc_free(&std::calloc, &std::free);
    installed = nullptr;
  }
#endif
  NAL_ASSERT(in_use_ == 0);
}

Result<> Memory::install() noexcept {
#if defined(MBEDTLS_PLATFORM_MEMORY) && !defined(MBEDTLS_PLATFORM_CALLOC_MACRO)
  if (installed) { return Unexpected(Error::address_in_use); }
  library::stop();  // or what it has of the heap came back here
  installed = this;
  installed_ = true;
  mbedtls_platform_set_calloc_free(&allocate_installed, &release_installed);
  return {};
#else
  return Unexpected(Error::not_supported);
#endif
}

Memory::Piece* Memory::after(Piece& piece) const noexcept {
  std::byte* next = reinterpret_cast<std::byte*>(&piece) + size_of(piece);
  return next == end_ ? nullptr : reinterpret_cast<Piece*>(next);
}

void* Memory::allocate(std::size_t count, std::size_t size) noexcept {
  constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max() / 2;
  if (size != 0 && count > kMost / size) {
    ++refusals_;
    return nullptr;
  }
  const std::size_t bytes = count * size;
  const std::size_t wanted = sizeof(Piece) + (bytes + alignof(Piece) - 1) / alignof(Piece) * alignof(Piece);
  for (Piece* piece = first_; piece; piece = after(*piece)) {
    if (!is_free(*piece) || size_of(*piece) < wanted) { continue; }
    const std::size_t rest = size_of(*piece) - wanted;
    if (rest > sizeof(Piece)) {
      piece->size = wanted;
      Piece* next = ::new (reinterpret_cast<std::byte*>(piece) + wanted) Piece{rest | kFree, piece};
      if (Piece* behind = after(*next)) { behind->previous = next; }
    } else {
      piece->size = size_of(*piece);
    }
    in_use_ += piece->size;
    if (in_use_ > peak_) { peak_ = in_use_; }
    ++allocations_;
    void* memory = piece + 1;
    std::memset(memory, 0, bytes);
    return memory;
  }
  ++refusals_;
  return nullptr;
}

void Memory::join_with_next(Piece& piece) noexcept {
  Piece* next = after(piece);
  if (!next || !is_free(*next)) { return; }
  piece.size += size_of(*next);
  if (Piece* behind = after(piece)) { behind->previous = &piece; }
}

void Memory::release(void* memory) noexcept {
  if (!memory) { return; }
  Piece* piece = static_cast<Piece*>(memory) - 1;
  NAL_ASSERT(!is_free(*piece));
  in_use_ -= piece->size;
  piece->size |= kFree;
  join_with_next(*piece);
  if (piece->previous && is_free(*piece->previous)) { join_with_next(*piece->previous); }
}

}  // namespace nal::tls
