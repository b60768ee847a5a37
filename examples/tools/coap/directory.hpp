#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nal_coap {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

/// Below a directory, and nowhere else: a path is its segments, and no symbolic link is followed.
using Path = std::vector<std::string>;

/// "a/b"
std::string text_of(const Path& path);

/// What a file is when it is looked at.
struct FileState {
  bool directory = false;
  std::uint64_t size = 0;
  /// Another one when the content has changed.
  std::array<std::byte, 8> etag{};
};

/// The files that are served. What begins with a dot is not there.
class Directory {
 public:
  /// Nothing: it cannot be opened, as errno says.
  static std::optional<Directory> open(const std::string& name);

  std::optional<FileState> look(const Path& path) const;
  Descriptor open_file(const Path& path) const;
  /// A directory that a file of that path can stand in.
  bool has_parent(const Path& path) const;
  /// Calls `take(path, state)` for each file below, at most so many.
  void for_each(std::size_t most, const std::function<void(const Path&, const FileState&)>& take) const;
  /// Removes a file. False: it is there and cannot be removed.
  bool remove(const Path& path) const;

  /// A file without a name, to be written and then put in its place; gone if it is not.
  class Upload {
   public:
    Upload(Upload&& other) noexcept = default;
    Upload& operator=(Upload&& other) noexcept = default;
    ~Upload();
    bool write(std::uint64_t offset, std::span<const std::byte> data) const;
    /// Takes the place of what stood there.
    bool place(const Path& path);

   private:
    friend class Directory;
    Upload(const Directory& directory, Descriptor file, std::string name)
        : directory_(&directory), file_(std::move(file)), name_(std::move(name)) {}
    const Directory* directory_;
    Descriptor file_;
    std::string name_;
  };
  std::optional<Upload> begin_upload() const;

 private:
  explicit Directory(Descriptor root) : root_(std::move(root)) {}
  /// The directory that the last segment stands in.
  Descriptor parent_of(const Path& path) const;
  void walk(const Descriptor& folder, Path& path, std::size_t& left,
            const std::function<void(const Path&, const FileState&)>& take) const;

  Descriptor root_;
};

}  // namespace nal_coap
