#include "examples/tools/mqtt/file_store.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "examples/mqtt/text.hpp"

using namespace mqtt;
using nal::Error;
using nal::Result;
using nal::Unexpected;
using Sync = FileStore::Sync;

namespace {

static_assert(Store<FileStore>);

/// What a store holds: keys and bytes in their order.
using Content = std::vector<std::pair<StoreKey, std::string>>;

StoreKey outgoing(std::uint16_t id) { return {StoreKey::Kind::outgoing, id}; }
StoreKey received(std::uint16_t id) { return {StoreKey::Kind::received, id}; }

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "nal-store-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name = "store") const { return (path_ / name).string(); }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

Result<> keep(FileStore& store, StoreKey key, std::string_view bytes) {
  // In pieces, as a packet is that is put together.
  const std::array<std::span<const std::byte>, 2> pieces{bytes_of(bytes.substr(0, bytes.size() / 2)),
                                                         bytes_of(bytes.substr(bytes.size() / 2))};
  return store.put(key, pieces);
}

Content content(FileStore& store) {
  Content all;
  const StoreVisitor visitor{[](void* context, StoreKey key, std::span<const std::byte> bytes) noexcept {
                               static_cast<Content*>(context)->emplace_back(key, std::string(text_of(bytes)));
                               return Result<>();
                             },
                             &all};
  REQUIRE(store.load(visitor));
  return all;
}

Content content_of(const std::string& path) {
  std::array<FileStore::Entry, 64> table;
  FileStore store(table);
  REQUIRE(store.open(path, Sync::no));
  return content(store);
}

}  // namespace

TEST_CASE("A file store gives back what was put, in order, after it was opened anew", "[mqtt]") {
  const Folder folder;
  const std::string path = folder.file();
  {
    std::array<FileStore::Entry, 8> table;
    FileStore store(table);
    REQUIRE(store.open(path));
    CHECK(content(store).empty());
    CHECK(keep(store, outgoing(1), "first"));
    CHECK(keep(store, outgoing(2), ""));
    CHECK(keep(store, received(1), ""));
    CHECK(keep(store, outgoing(3), "third"));
    CHECK(keep(store, outgoing(1), "first, replaced in its place"));
    store.remove(outgoing(2));
    store.remove(outgoing(9));
    CHECK(store.count() == 3);
  }
  const Content right{{outgoing(1), "first, replaced in its place"}, {received(1), ""}, {outgoing(3), "third"}};
  CHECK(content_of(path) == right);
  CHECK(content_of(path) == right);
  struct stat about {};
  REQUIRE(::stat(path.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
}

TEST_CASE("Clearing a file store forgets what was received and keeps what is to be sent", "[mqtt]") {
  const Folder folder;
  const std::string path = folder.file();
  {
    std::array<FileStore::Entry, 8> table;
    FileStore store(table);
    REQUIRE(store.open(path));
    CHECK(keep(store, received(7), ""));
    CHECK(keep(store, outgoing(7), "stays"));
    CHECK(keep(store, received(8), ""));
    store.clear();
    store.clear();
    CHECK(store.count() == 1);
    CHECK(keep(store, received(8), ""));
  }
  CHECK(content_of(path) == Content{{outgoing(7), "stays"}, {received(8), ""}});
}

TEST_CASE("A file store cut off at any byte holds what was whole by then", "[mqtt]") {
  const Folder folder;
  const std::string path = folder.file();
  std::vector<std::pair<std::uint64_t, Content>> states;
  {
    std::array<FileStore::Entry, 8> table;
    FileStore store(table);
    states.emplace_back(0, Content());
    REQUIRE(store.open(path, Sync::no));
    const auto remember = [&] { states.emplace_back(store.file_size(), content(store)); };
    remember();
    REQUIRE(keep(store, outgoing(1), "one"));
    remember();
    REQUIRE(keep(store, received(5), ""));
    remember();
    REQUIRE(keep(store, outgoing(2), std::string(300, 'x')));
    remember();
    REQUIRE(keep(store, outgoing(1), "one, but longer"));
    remember();
    store.remove(outgoing(2));
    remember();
    store.clear();
    remember();
    REQUIRE(keep(store, outgoing(3), "three"));
    remember();
  }
  const std::string whole = read_file(path);
  REQUIRE(whole.size() == states.back().first);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const Content* right = nullptr;
    for (const auto& [end, state] : states) {
      if (end <= size) { right = &state; }
    }
    INFO("cut to " << size << " of " << whole.size() << " bytes");
    const std::string cut = folder.file("cut");
    // What a disk may show of what was never written there: nothing, zeros, or anything.
    for (const std::string& tail : {std::string(), std::string(40, '\0'), std::string(40, '\xA5')}) {
      const bool is_right_anyway = whole.compare(size, tail.size(), tail) == 0;
      if (!tail.empty() && (is_right_anyway || size < 8)) { continue; }
      write_file(cut, whole.substr(0, size) + tail);
      std::array<FileStore::Entry, 8> table;
      FileStore store(table);
      REQUIRE(store.open(cut, Sync::no));
      CHECK(content(store) == *right);
      // And it goes on from there.
      REQUIRE(keep(store, outgoing(40), "more"));
      Content longer = *right;
      longer.emplace_back(outgoing(40), "more");
      store.close();
      CHECK(content_of(cut) == longer);
    }
  }
}

TEST_CASE("A file store with a bit turned over holds what stands before it", "[mqtt]") {
  const Folder folder;
  const std::string path = folder.file();
  std::vector<std::pair<std::uint64_t, Content>> states;
  {
    std::array<FileStore::Entry, 8> table;
    FileStore store(table);
    REQUIRE(store.open(path, Sync::no));
    states.emplace_back(store.file_size(), content(store));
    for (std::uint16_t id = 1; id <= 3; ++id) {
      REQUIRE(keep(store, outgoing(id), "message " + std::to_string(id)));
      states.emplace_back(store.file_size(), content(store));
    }
  }
  const std::string whole = read_file(path);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    write_file(folder.file("damaged"), damaged);
    std::array<FileStore::Entry, 8> table;
    FileStore store(table);
    INFO("bit " << bit);
    const auto opened = store.open(folder.file("damaged"), Sync::no);
    if (bit / 8 < states[0].first) {
      CHECK(opened == Unexpected(Error::invalid_argument));
      CHECK(read_file(folder.file("damaged")) == damaged);
      continue;
    }
    REQUIRE(opened);
    const Content* right = nullptr;
    for (const auto& [end, state] : states) {
      if (end <= bit / 8) { right = &state; }
    }
    CHECK(content(store) == *right);
  }
}

TEST_CASE("A file store does not grow without bounds, and loses nothing when it shrinks", "[mqtt]") {
  const Folder folder;
  const std::string path = folder.file();
  std::array<FileStore::Entry, 32> table;
  FileStore store(table);
  REQUIRE(store.open(path, Sync::no));
  std::minstd_rand random(1);
  Content right;
  std::uint64_t largest = 0;
  for (unsigned i = 0; i < 5000; ++i) {
    const StoreKey key = random() % 4 == 0 ? received(static_cast<std::uint16_t>(random() % 8))
                                           : outgoing(static_cast<std::uint16_t>(random() % 16));
    auto there = right.begin();
    while (there != right.end() && there->first != key) { ++there; }
    if (random() % 3 == 0) {
      store.remove(key);
      if (there != right.end()) { right.erase(there); }
    } else {
      const std::string bytes(key.kind == StoreKey::Kind::received ? 0 : random() % 300, static_cast<char>(i));
      REQUIRE(keep(store, key, bytes));
      if (there != right.end()) {
        there->second = bytes;
      } else {
        right.emplace_back(key, bytes);
      }
    }
    largest = std::max(largest, store.file_size());
    if (i % 500 == 0) { CHECK(content(store) == right); }
  }
  CHECK(content(store) == right);
  CHECK(largest < 70'000);
  const std::uint64_t before = store.file_size();
  store.close();
  CHECK(content_of(path) == right);
  CHECK(std::filesystem::file_size(path) < before);
  CHECK(folder.files() == 1);
}

TEST_CASE("What a crash left of a new file is no part of the store", "[mqtt]") {
  const Folder folder;
  const std::string path = folder.file();
  {
    std::array<FileStore::Entry, 8> table;
    FileStore store(table);
    REQUIRE(store.open(path));
    REQUIRE(keep(store, outgoing(1), "kept"));
  }
  write_file(path + ".new", read_file(path).substr(0, 11));
  CHECK(content_of(path) == Content{{outgoing(1), "kept"}});
  {
    std::array<FileStore::Entry, 8> table;
    FileStore store(table);
    REQUIRE(store.open(path));
    store.remove(outgoing(1));
  }
  CHECK(content_of(path).empty());
  CHECK(folder.files() == 1);
}

TEST_CASE("A full table is an error, and what is there can still be replaced", "[mqtt]") {
  const Folder folder;
  std::array<FileStore::Entry, 2> table;
  FileStore store(table);
  REQUIRE(store.open(folder.file(), Sync::no));
  CHECK(keep(store, outgoing(1), "a"));
  CHECK(keep(store, outgoing(2), "b"));
  CHECK(keep(store, outgoing(3), "c") == Unexpected(Error::table_full));
  CHECK(keep(store, outgoing(1), "A"));
  store.remove(outgoing(2));
  CHECK(keep(store, outgoing(3), "c"));
  CHECK(content(store) == Content{{outgoing(1), "A"}, {outgoing(3), "c"}});
  store.close();
  std::array<FileStore::Entry, 1> small;
  FileStore other(small);
  CHECK(other.open(folder.file()) == Unexpected(Error::table_full));
  CHECK(content_of(folder.file()) == Content{{outgoing(1), "A"}, {outgoing(3), "c"}});
}

TEST_CASE("A file that cannot be written to its end keeps nothing of the entry, and goes on when it can", "[mqtt]") {
  const Folder folder;
  std::array<FileStore::Entry, 8> table;
  FileStore store(table);
  REQUIRE(store.open(folder.file(), Sync::no));
  REQUIRE(keep(store, outgoing(1), "whole"));
  const Content before = content(store);
  const std::uint64_t size = store.file_size();
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  for (rlim_t room = 0; room < 19; ++room) {
    const rlimit limit{size + room, old.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    const auto kept = keep(store, outgoing(2), "too much");
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
    CHECK(kept == Unexpected(Error::table_full));
    CHECK(store.file_size() == size);
    CHECK(std::filesystem::file_size(folder.file()) == size);
    CHECK(content(store) == before);
  }
  std::signal(SIGXFSZ, old_handler);
  CHECK(keep(store, outgoing(2), "too much"));
  store.close();
  CHECK(content_of(folder.file()) == Content{{outgoing(1), "whole"}, {outgoing(2), "too much"}});
}

TEST_CASE("Removing that cannot be written lets what is put later fail", "[mqtt]") {
  const Folder folder;
  std::array<FileStore::Entry, 8> table;
  FileStore store(table);
  REQUIRE(store.open(folder.file(), Sync::no));
  REQUIRE(keep(store, received(1), ""));
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  const rlimit limit{store.file_size(), old.rlim_max};
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  store.remove(received(1));
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
  std::signal(SIGXFSZ, old_handler);
  CHECK(keep(store, outgoing(1), "x") == Unexpected(Error::io_error));
}

TEST_CASE("A file store is opened by one at a time, where it can be, and only if it is one", "[mqtt]") {
  const Folder folder;
  std::array<FileStore::Entry, 8> table;
  std::array<FileStore::Entry, 8> other_table;
  FileStore store(table);
  FileStore other(other_table);
  REQUIRE(store.open(folder.file()));
  CHECK(other.open(folder.file()) == Unexpected(Error::address_in_use));
  store.close();
  CHECK(other.open(folder.file()));
  other.close();
  CHECK(store.open(folder.file("nowhere/store")) == Unexpected(Error::name_not_found));
  CHECK_FALSE(store.open(folder.file("")));
  write_file(folder.file("text"), "something else entirely");
  CHECK(store.open(folder.file("text")) == Unexpected(Error::invalid_argument));
  CHECK(read_file(folder.file("text")) == "something else entirely");
  CHECK(keep(store, outgoing(1), "x") == Unexpected(Error::io_error));
  CHECK(store.load({}) == Unexpected(Error::io_error));
}

TEST_CASE("An error of whoever is shown the entries ends the loading", "[mqtt]") {
  const Folder folder;
  std::array<FileStore::Entry, 8> table;
  FileStore store(table);
  REQUIRE(store.open(folder.file(), Sync::no));
  REQUIRE(keep(store, outgoing(1), "a"));
  REQUIRE(keep(store, outgoing(2), "b"));
  int shown = 0;
  const StoreVisitor visitor{[](void* context, StoreKey, std::span<const std::byte>) noexcept -> Result<> {
                               ++*static_cast<int*>(context);
                               return Unexpected(Error::table_full);
                             },
                             &shown};
  CHECK(store.load(visitor) == Unexpected(Error::table_full));
  CHECK(shown == 1);
}
