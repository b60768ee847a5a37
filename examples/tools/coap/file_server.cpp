#include "examples/tools/coap/file_server.hpp"

#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "examples/coap/link_format.hpp"
#include "examples/coap/uri.hpp"
#include "examples/tools/coap/names.hpp"
#include "nal/text.hpp"

namespace nal_coap {

namespace {

using coap::Code;
using coap::Methods;
using coap::OptionNumber;

constexpr std::size_t kUploads = 16;
constexpr std::size_t kMostLinks = 10'000;
constexpr const char* kTimeAttributes = "rt=\"clock\";title=\"The time here\";ct=0";

/// A file as the body of an answer.
class FileSource {
 public:
  FileSource(Descriptor file, std::uint64_t size) : file_(std::move(file)), size_(size) {}
  nal::Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) noexcept {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t n =
          ::pread(file_.number(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (n < 0) { return nal::Unexpected(nal::Error::io_error); }
      if (n == 0) { break; }
      done += static_cast<std::size_t>(n);
    }
    return done;
  }
  std::optional<std::uint64_t> size() const noexcept { return size_; }

 private:
  Descriptor file_;
  std::uint64_t size_;
};

/// A list of links, of which each read writes the window that is asked for.
class LinkSource {
 public:
  explicit LinkSource(const std::function<void(coap::LinkWriter&)>& write) : write_(&write) {}
  nal::Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) noexcept {
    coap::LinkWriter writer(std::span(reinterpret_cast<char*>(out.data()), out.size()),
                            static_cast<std::size_t>(offset));
    (*write_)(writer);
    return writer.window().size();
  }
  std::optional<std::uint64_t> size() const {
    coap::LinkWriter writer({});
    (*write_)(writer);
    return writer.size();
  }

 private:
  const std::function<void(coap::LinkWriter&)>* write_;
};

std::string target_of(const Path& path) {
  std::vector<char> memory(3 * text_of(path).size() + 2);
  coap::UriWriter writer(memory);
  for (const std::string& segment : path) { writer.segment(segment); }
  return std::string(*writer.text());
}

std::string attributes_of(const Path& path, const FileState& state) {
  return "ct=" + std::to_string(content_format_of_file(path.back())) + ";sz=" + std::to_string(state.size) + ";obs";
}

void put_link(coap::LinkWriter& writer, const std::string& target, const std::string& attributes,
              std::span<const std::string> queries) {
  const std::string with_semicolon = ";" + attributes;
  const coap::Link link{target, coap::LinkAttributes(with_semicolon)};
  if (!std::all_of(queries.begin(), queries.end(), [&](const std::string& query) { return link.matches(query); })) {
    return;
  }
  writer.link(target);
  writer.attributes(attributes);
}

/// The segments; nothing if they cannot be a file's.
std::optional<Path> path_of(const coap::Call& call) {
  Path path;
  for (const coap::Option& option : call.options()) {
    if (option.number != OptionNumber::uri_path) { continue; }
    path.emplace_back(option.text());
  }
  // "/folder/" is the folder.
  if (!path.empty() && path.back().empty()) { path.pop_back(); }
  const bool good = std::none_of(path.begin(), path.end(), [](const std::string& segment) {
    return segment.empty() || segment.find('/') != std::string::npos || segment.find('\0') != std::string::npos;
  });
  if (!good) { return std::nullopt; }
  return path;
}

/// Whose upload it is: who sends what where.
std::string key_of(const coap::Call& call, const coap::Reply& reply, const Path& path) {
  std::string key(nal::to_text(call.remote()).view());
  key += "|" + std::to_string(reinterpret_cast<std::uintptr_t>(&const_cast<coap::Reply&>(reply).server())) + "|" +
         std::to_string(static_cast<unsigned>(call.method())) + "|" + text_of(path) + "|";
  if (const auto tag = call.options().find(OptionNumber::request_tag)) { key += coap::text_of(*tag); }
  return key;
}

}  // namespace

Code FileServer::Handle::operator()(const coap::Call& call, coap::Reply& reply) noexcept {
  return (self->*member)(call, reply);
}

FileServer::FileServer(Directory directory, bool read_only, bool verbose)
    : directory_(std::move(directory)),
      read_only_(read_only),
      verbose_(verbose),
      routes_{{{.path = "/.well-known/core", .handler = list_, .attributes = "ct=40", .hidden = true},
               {.path = "/time", .handler = time_, .attributes = kTimeAttributes, .observable = true},
               {.path = "/",
                .methods = Methods::get | Methods::put | Methods::post | Methods::delete_,
                .handler = file_,
                .observable = true,
                .subtree = true,
                .streams = true,
                .hidden = true}}} {}

void FileServer::remove(coap::Server& server) { std::erase(servers_, &server); }

void FileServer::changed(std::string_view path) {
  for (coap::Server* server : servers_) { server->changed(path); }
}

void FileServer::tick() { changed("/time"); }

void FileServer::note(const coap::Call& call, const std::string& path, Code answer) const {
  // A body in blocks is told once.
  const auto block = coap::Block::find(call.options(), OptionNumber::block2);
  if (!verbose_ || call.offset() != 0 || (block && block->number != 0)) { return; }
  std::fprintf(stderr, "%s: %s /%s: %s%s\n", nal::to_text(call.remote()).c_str(),
               code_text(static_cast<std::uint8_t>(call.method())).c_str(), path.c_str(),
               code_text(static_cast<std::uint8_t>(answer)).c_str(), call.notification() ? " (notification)" : "");
}

Code FileServer::list(const coap::Call& call, coap::Reply& reply) {
  std::vector<std::string> queries;
  for (const coap::Option& option : call.options()) {
    if (option.number == OptionNumber::uri_query) { queries.emplace_back(option.text()); }
  }
  const std::function<void(coap::LinkWriter&)> write = [&](coap::LinkWriter& writer) {
    put_link(writer, "/time", std::string(kTimeAttributes) + ";obs", queries);
    directory_.for_each(kMostLinks, [&](const Path& path, const FileState& state) {
      put_link(writer, target_of(path), attributes_of(path, state), queries);
    });
  };
  reply.content_format(40);
  LinkSource source(write);
  const Code code = reply.body(source);
  note(call, ".well-known/core", code);
  return code;
}

Code FileServer::time(const coap::Call& call, coap::Reply& reply) {
  const std::time_t now = std::time(nullptr);
  std::array<char, 32> text{};
  std::tm local{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", ::localtime_r(&now, &local));
  reply.max_age(1);
  const Code code = reply.text({text.data(), size});
  note(call, "time", code);
  return code;
}

Code FileServer::file(const coap::Call& call, coap::Reply& reply) {
  const auto path = path_of(call);
  Code code = Code::bad_request;
  if (!path) {
    code = reply.fail(Code::bad_request, "no such path can be");
  } else if (call.method() == Code::get) {
    code = get(call, reply, *path);
  } else if (read_only_) {
    code = reply.fail(Code::forbidden, "nothing can be changed here");
  } else if (call.method() == Code::delete_) {
    code = remove(call, reply, *path);
  } else {
    code = put(call, reply, *path);
  }
  note(call, path ? text_of(*path) : "?", code);
  return code;
}

Code FileServer::get(const coap::Call& call, coap::Reply& reply, const Path& path) {
  const auto state = directory_.look(path);
  if (!state) { return reply.fail(Code::not_found, "no such file"); }
  const auto accept = call.options().find_uint(OptionNumber::accept);
  const std::uint16_t format = state->directory ? 40 : content_format_of_file(path.back());
  if (accept && *accept != format) { return reply.fail(Code::not_acceptable, content_format_text(format)); }
  if (state->directory) {
    const std::function<void(coap::LinkWriter&)> write = [&](coap::LinkWriter& writer) {
      directory_.for_each(kMostLinks, [&](const Path& other, const FileState& about) {
        const bool inside = other.size() > path.size() && std::equal(path.begin(), path.end(), other.begin());
        if (inside) { put_link(writer, target_of(other), attributes_of(other, about), {}); }
      });
    };
    reply.content_format(format);
    LinkSource source(write);
    return reply.body(source);
  }
  Descriptor opened = directory_.open_file(path);
  if (!opened) { return reply.fail(Code::forbidden, "it cannot be read"); }
  reply.etag(state->etag);
  reply.content_format(format);
  FileSource source(std::move(opened), state->size);
  return reply.body(source);
}

Code FileServer::begin(const coap::Call& call, coap::Reply& reply, const Path& path, const std::string& key) {
  const auto state = directory_.look(path);
  if (!call.precondition(state.has_value(),
                         state ? std::span<const std::byte>(state->etag) : std::span<const std::byte>())) {
    return Code::precondition_failed;
  }
  if (state && state->directory) { return reply.fail(Code::conflict, "it is a folder"); }
  if (!directory_.has_parent(path)) { return reply.fail(Code::conflict, "there is no such folder"); }
  auto upload = directory_.begin_upload();
  if (!upload) { return reply.fail(Code::internal_server_error, "no file can be made"); }
  std::uint64_t base = 0;
  if (state && call.method() == Code::post) {
    FileSource old(directory_.open_file(path), state->size);
    std::array<std::byte, 4096> buffer;
    while (base < state->size) {
      const auto n = old.read(base, buffer);
      if (!n || *n == 0 || !upload->write(base, std::span(buffer).first(*n))) {
        return reply.fail(Code::internal_server_error, "it cannot be added to");
      }
      base += *n;
    }
  }
  std::erase_if(incoming_, [&](const Incoming& other) { return other.key == key; });
  if (incoming_.size() == kUploads) { incoming_.pop_front(); }
  incoming_.push_back({key, *std::move(upload), base, state.has_value()});
  return Code::continue_;
}

Code FileServer::finish(coap::Reply& reply, const coap::Call& call, const Path& path, Incoming& incoming) {
  const bool existed = incoming.existed;
  if (!incoming.upload.place(path)) { return reply.fail(Code::internal_server_error, "it cannot be put in its place"); }
  const bool elsewhere = call.method() == Code::post && !existed;
  if (elsewhere) {
    for (const std::string& segment : path) { reply.add(OptionNumber::location_path, segment); }
  }
  if (const auto state = directory_.look(path)) { reply.etag(state->etag); }
  changed("/" + text_of(path));
  return existed ? Code::changed : Code::created;
}

Code FileServer::put(const coap::Call& call, coap::Reply& reply, const Path& asked) {
  const std::string key = key_of(call, reply, asked);
  Path path = asked;
  const auto find = [&] {
    return std::find_if(incoming_.begin(), incoming_.end(), [&](const Incoming& other) { return other.key == key; });
  };
  if (call.method() == Code::post) {
    // What is posted to a folder becomes a file of its own.
    const auto state = directory_.look(asked);
    if (state && state->directory) { path.push_back("post-" + std::to_string(posted_)); }
  }
  if (call.offset() == 0) {
    const Code begun = begin(call, reply, path, key);
    if (begun != Code::continue_) { return begun; }
  }
  const auto incoming = find();
  if (incoming == incoming_.end()) { return Code::request_entity_incomplete; }
  Code code = Code::continue_;
  if (!incoming->upload.write(incoming->base + call.offset(), call.payload())) {
    code = reply.fail(Code::internal_server_error, "it cannot be written");
  } else if (!call.more()) {
    code = finish(reply, call, path, *incoming);
    ++posted_;
  }
  if (code != Code::continue_) { incoming_.erase(incoming); }
  return code;
}

Code FileServer::remove(const coap::Call& call, coap::Reply& reply, const Path& path) {
  const auto state = directory_.look(path);
  if (!call.precondition(state.has_value(),
                         state ? std::span<const std::byte>(state->etag) : std::span<const std::byte>())) {
    return Code::precondition_failed;
  }
  if (state && !directory_.remove(path)) { return reply.fail(Code::forbidden, "it cannot be deleted"); }
  if (state) { changed("/" + text_of(path)); }
  return Code::deleted;
}

}  // namespace nal_coap
