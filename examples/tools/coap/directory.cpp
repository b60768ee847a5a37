#include "examples/tools/coap/directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

namespace nal_coap {

namespace {

bool is_name(const std::string& name) {
  return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
}

void mix(std::uint64_t& hash, std::uint64_t value) {
  for (unsigned shift = 0; shift < 64; shift += 8) {
    hash = (hash ^ (value >> shift & 0xff)) * 0x100'0000'01b3;  // FNV-1a
  }
}

std::optional<FileState> state_of(const struct ::stat& about) {
  FileState state;
  state.directory = S_ISDIR(about.st_mode);
  if (!state.directory && !S_ISREG(about.st_mode)) { return std::nullopt; }
  state.size = static_cast<std::uint64_t>(about.st_size);
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
  mix(hash, static_cast<std::uint64_t>(about.st_ino));
  mix(hash, state.size);
  mix(hash, static_cast<std::uint64_t>(about.st_mtim.tv_sec));
  mix(hash, static_cast<std::uint64_t>(about.st_mtim.tv_nsec));
  for (std::size_t i = 0; i < state.etag.size(); ++i) { state.etag[i] = static_cast<std::byte>(hash >> 8 * i); }
  return state;
}

std::optional<FileState> look_at(const Descriptor& folder, const std::string& name) {
  struct ::stat about {};
  if (!is_name(name) || ::fstatat(folder.number(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) {
    return std::nullopt;
  }
  return state_of(about);
}

Descriptor open_folder(const Descriptor& folder, const std::string& name) {
  return Descriptor(::openat(folder.number(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

Descriptor::~Descriptor() {
  if (number_ >= 0) { ::close(number_); }
}

std::string text_of(const Path& path) {
  std::string text;
  for (const std::string& segment : path) { text.append(text.empty() ? "" : "/").append(segment); }
  return text;
}

std::optional<Directory> Directory::open(const std::string& name) {
  Descriptor root(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) { return std::nullopt; }
  return Directory(std::move(root));
}

Descriptor Directory::parent_of(const Path& path) const {
  Descriptor folder(::dup(root_.number()));
  for (std::size_t i = 0; folder && i + 1 < path.size(); ++i) {
    folder = is_name(path[i]) ? open_folder(folder, path[i]) : Descriptor();
  }
  return folder;
}

std::optional<FileState> Directory::look(const Path& path) const {
  if (path.empty()) { return FileState{.directory = true}; }
  const Descriptor folder = parent_of(path);
  if (!folder) { return std::nullopt; }
  return look_at(folder, path.back());
}

Descriptor Directory::open_file(const Path& path) const {
  if (path.empty() || !is_name(path.back())) { return {}; }
  const Descriptor folder = parent_of(path);
  if (!folder) { return {}; }
  // A pipe that somebody has put there must not make the server wait.
  return Descriptor(::openat(folder.number(), path.back().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

bool Directory::has_parent(const Path& path) const {
  return !path.empty() && is_name(path.back()) && static_cast<bool>(parent_of(path));
}

void Directory::for_each(std::size_t most, const std::function<void(const Path&, const FileState&)>& take) const {
  Path path;
  walk(root_, path, most, take);
}

void Directory::walk(const Descriptor& folder, Path& path, std::size_t& left,
                     const std::function<void(const Path&, const FileState&)>& take) const {
  constexpr std::size_t kDeepest = 16;
  Descriptor opened(::openat(folder.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || path.size() == kDeepest) { return; }
  std::vector<std::string> names;
  {
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(::dup(opened.number())), &::closedir);
    while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr) { names.emplace_back(entry->d_name); }
  }
  // In an order that stays, since a long list is asked for in pieces.
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const auto state = look_at(opened, name);
    if (!state || left == 0) { continue; }
    path.push_back(name);
    if (state->directory) {
      const Descriptor inner = open_folder(opened, name);
      if (inner) { walk(inner, path, left, take); }
    } else {
      --left;
      take(path, *state);
    }
    path.pop_back();
  }
}

bool Directory::remove(const Path& path) const {
  const auto state = look(path);
  if (!state) { return true; }
  const Descriptor folder = parent_of(path);
  return !state->directory && folder && ::unlinkat(folder.number(), path.back().c_str(), 0) == 0;
}

std::optional<Directory::Upload> Directory::begin_upload() const {
  static unsigned count = 0;
  std::string name = ".nal-coap-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
  Descriptor file(::openat(root_.number(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!file) { return std::nullopt; }
  return Upload(*this, std::move(file), std::move(name));
}

Directory::Upload::~Upload() {
  if (file_) { ::unlinkat(directory_->root_.number(), name_.c_str(), 0); }
}

bool Directory::Upload::write(std::uint64_t offset, std::span<const std::byte> data) const {
  while (!data.empty()) {
    const ssize_t n = ::pwrite(file_.number(), data.data(), data.size(), static_cast<off_t>(offset));
    if (n <= 0) { return false; }
    data = data.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return true;
}

bool Directory::Upload::place(const Path& path) {
  const Descriptor folder = directory_->parent_of(path);
  if (!folder || !is_name(path.back())) { return false; }
  if (::renameat(directory_->root_.number(), name_.c_str(), folder.number(), path.back().c_str()) != 0) {
    return false;
  }
  file_ = Descriptor();
  return true;
}

}  // namespace nal_coap
