#include "examples/tools/coap/body.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace nal_coap {

namespace {

using namespace std::chrono_literals;

bool is_standard(const std::string& name) { return name.empty() || name == "-"; }

}  // namespace

Progress::Progress(bool wanted)
    : wanted_(wanted && ::isatty(STDERR_FILENO) == 1), start_(Clock::now()), next_(start_ + 500ms) {}

void Progress::at(const char* what, std::uint64_t bytes, std::optional<std::uint64_t> total) noexcept {
  ++moves_;
  if (!wanted_) { return; }
  const auto now = Clock::now();
  if (now < next_) { return; }
  next_ = now + 100ms;
  shown_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double kib = static_cast<double>(bytes) / 1024;
  if (total && *total != 0) {
    std::fprintf(stderr, "\r\033[K%s %.0f of %.0f KiB (%.0f %%), %.0f KiB/s", what, kib,
                 static_cast<double>(*total) / 1024, 100.0 * static_cast<double>(bytes) / static_cast<double>(*total),
                 kib / seconds);
  } else {
    std::fprintf(stderr, "\r\033[K%s %.0f KiB, %.0f KiB/s", what, kib, kib / seconds);
  }
}

void Progress::clear() noexcept {
  if (shown_) { std::fputs("\r\033[K", stderr); }
  shown_ = false;
}

bool InputBody::open(const RequestOptions& options) {
  using Body = RequestOptions::Body;
  text_.clear();
  if (options.body == Body::text) { text_ = options.payload; }
  size_ = text_.size();
  if (options.body != Body::file) { return true; }
  std::FILE* in = stdin;
  if (!is_standard(options.payload)) {
    file_.reset(std::fopen(options.payload.c_str(), "rb"));
    if (!file_) {
      std::fprintf(stderr, "error: cannot read '%s': %s\n", options.payload.c_str(), std::strerror(errno));
      return false;
    }
    if (::fseeko(file_.get(), 0, SEEK_END) == 0) {
      size_ = static_cast<std::uint64_t>(::ftello(file_.get()));
      std::rewind(file_.get());
      return true;
    }
    in = file_.get();
  }
  // A pipe: what was sent may have to be sent again.
  std::array<char, 65536> buffer;
  std::size_t n = 0;
  while ((n = std::fread(buffer.data(), 1, buffer.size(), in)) != 0) { text_.append(buffer.data(), n); }
  size_ = text_.size();
  const bool good = std::ferror(in) == 0;
  file_.reset();
  if (!good) { std::fprintf(stderr, "error: cannot read '%s'\n", options.payload.c_str()); }
  return good;
}

nal::Result<std::size_t> InputBody::read(std::uint64_t offset, std::span<std::byte> out) noexcept {
  progress_->at("sent", offset, size_);
  if (!file_) {
    const std::size_t begin = static_cast<std::size_t>(std::min<std::uint64_t>(offset, text_.size()));
    const std::size_t n = std::min(text_.size() - begin, out.size());
    std::memcpy(out.data(), text_.data() + begin, n);
    return n;
  }
  if (offset != position_ && ::fseeko(file_.get(), static_cast<off_t>(offset), SEEK_SET) != 0) {
    return nal::Unexpected(nal::Error::io_error);
  }
  const std::size_t n = std::fread(out.data(), 1, out.size(), file_.get());
  position_ = offset + n;
  if (n < out.size() && std::ferror(file_.get()) != 0) { return nal::Unexpected(nal::Error::io_error); }
  return n;
}

nal::Result<> OutputBody::fail(const char* what) noexcept {
  progress_->clear();
  std::fprintf(stderr, "error: %s '%s': %s\n", what,
               is_standard(options_->output) ? "standard output" : options_->output.c_str(), std::strerror(errno));
  return nal::Unexpected(nal::Error::io_error);
}

bool OutputBody::open() noexcept {
  if (out_) { return true; }
  if (is_standard(options_->output)) {
    out_ = stdout;
    return true;
  }
  file_.reset(std::fopen(options_->output.c_str(), "wb"));
  out_ = file_.get();
  return out_ != nullptr;
}

nal::Result<> OutputBody::write(std::uint64_t offset, std::span<const std::byte> data) noexcept {
  // What holds nothing may be no new state at all (2.03): the file stays as it is.
  if (data.empty()) { return nal::Unit{}; }
  if (!open()) { return fail("cannot write"); }
  if (offset < written_) {
    // The resource has changed meanwhile, and comes from its start again.
    if (std::fflush(out_) != 0 || ::ftruncate(::fileno(out_), static_cast<off_t>(offset)) != 0 ||
        ::fseeko(out_, static_cast<off_t>(offset), SEEK_SET) != 0) {
      return fail("the resource has changed while it came, and what was written cannot be taken back:");
    }
  }
  if (std::fwrite(data.data(), 1, data.size(), out_) != data.size()) { return fail("cannot write"); }
  written_ = offset + data.size();
  progress_->at("received", written_, expected_);
  return nal::Unit{};
}

bool OutputBody::end() {
  progress_->clear();
  // An empty answer makes an empty file.
  if (!open()) { return fail("cannot write").has_value(); }
  if (options_->newline) { std::fputc('\n', out_); }
  // Now, not when a buffer is full: somebody may be watching.
  if (std::fflush(out_) != 0 || std::ferror(out_) != 0) { return fail("cannot write").has_value(); }
  written_ = 0;
  return true;
}

}  // namespace nal_coap
