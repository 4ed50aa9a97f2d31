#include "support/fake_api_state.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>
#include <stdexcept>

namespace epp::testing {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string unescape(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      plain += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t end; (end = text.find(separator, start)) != std::string::npos; start = end + 1)
    parts.push_back(text.substr(start, end - start));
  parts.push_back(text.substr(start));
  return parts;
}

std::map<std::string, std::string> query_of(const std::string& text) {
  std::map<std::string, std::string> query;
  for (const std::string& pair : split(text, '&')) {
    const std::size_t equals = pair.find('=');
    if (equals != std::string::npos) query[unescape(pair.substr(0, equals))] = unescape(pair.substr(equals + 1));
  }
  return query;
}

// The text at this place; empty if there is none.
std::string text_at(const Json& object, const char* pointer) {
  const Json* found = &object;
  for (const std::string& key : split(pointer, '/')) {
    if (!found->is_object() || !found->contains(key)) return {};
    found = &found->at(key);
  }
  return found->is_string() ? found->get<std::string>() : std::string();
}

// "a=b,c=d": whether `value_of` gives the right-hand side for every left-hand side.
template <typename ValueOf>
bool all_equal(const std::string& selector, ValueOf value_of) {
  if (selector.empty()) return true;
  return std::ranges::all_of(split(selector, ','), [&](const std::string& term) {
    const std::size_t equals = term.find('=');
    return equals != std::string::npos && value_of(term.substr(0, equals)) == term.substr(term.rfind('=') + 1);
  });
}

ApiReply failure(int code, const char* reason, const std::string& message) {
  const Json status = {{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Failure"},
                       {"reason", reason}, {"message", message}, {"code", code}};
  return {.status = code, .body = status.dump()};
}

std::string chunk(const std::string& bytes) {
  std::array<char, 16> size;
  std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  return size.data() + bytes + "\r\n";
}

std::string event_text(const char* type, const Json& object) {
  return Json{{"type", type}, {"object", object}}.dump() + '\n';
}

// What a watch with these selectors hears of the event; empty: nothing.
std::string heard(const FakeApiState::Event& event, const std::map<std::string, std::string>& query) {
  const bool before = !event.before.is_null() && selects(query, event.before);
  const bool after = !event.after.is_null() && selects(query, event.after);
  if (after) return event_text(before ? "MODIFIED" : "ADDED", event.after);
  if (!before) return {};
  Json last = event.after.is_null() ? event.before : event.after;
  if (last.is_object() && last["metadata"].is_object()) {
    last["metadata"]["resourceVersion"] = std::to_string(event.version);
  }
  return event_text("DELETED", last);
}

}  // namespace

bool selects(const std::map<std::string, std::string>& query, const Json& object) {
  const auto selector = [&](const char* name) {
    const auto found = query.find(name);
    return found == query.end() ? std::string() : found->second;
  };
  return all_equal(selector("labelSelector"),
                   [&](const std::string& label) { return text_at(object, ("metadata/labels/" + label).c_str()); }) &&
         all_equal(selector("fieldSelector"), [&](const std::string& field) {
           return field == "metadata.name" ? text_at(object, "metadata/name") : std::string("?");
         });
}

std::optional<ApiRequestSeen> read_request(ByteStream& stream, std::string& buffer) {
  std::size_t end;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    const std::string more = stream.read();
    if (more.empty()) return std::nullopt;
    buffer += more;
  }
  ApiRequestSeen request;
  request.at = Clock::now();
  const std::vector<std::string> lines = split(buffer.substr(0, end), '\n');
  buffer.erase(0, end + 4);
  const std::vector<std::string> first = split(lines[0], ' ');
  if (first.size() < 3) return std::nullopt;
  request.method = first[0];
  const std::size_t question = first[1].find('?');
  request.path = unescape(first[1].substr(0, question));
  if (question != std::string::npos) request.query = query_of(first[1].substr(question + 1));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::size_t colon = lines[i].find(':');
    const std::size_t value = lines[i].find_first_not_of(' ', colon + 1);
    const std::size_t stop = lines[i].find_last_not_of('\r') + 1;
    if (colon == std::string::npos || value == std::string::npos || value >= stop) continue;
    request.headers[lower(lines[i].substr(0, colon))] = lines[i].substr(value, stop - value);
  }
  const auto length = request.headers.find("content-length");
  const std::size_t size = length == request.headers.end() ? 0 : std::stoul(length->second);
  while (buffer.size() < size) {
    const std::string more = stream.read();
    if (more.empty()) return std::nullopt;
    buffer += more;
  }
  request.body = buffer.substr(0, size);
  buffer.erase(0, size);
  return request;
}

void FakeApiState::converse(ByteStream& stream) {
  std::string buffer;
  while (const auto request = read_request(stream, buffer)) {
    {
      const std::lock_guard lock(mutex);
      requests.push_back(*request);
    }
    changed.notify_all();
    if (!answer(stream, *request)) return;
  }
}

// False when the connection is of no more use.
bool FakeApiState::answer(ByteStream& stream, const ApiRequestSeen& request) {
  FakeApiServer::Intercept asked;
  {
    const std::lock_guard lock(mutex);
    asked = intercept;
  }
  if (asked) {
    if (const std::optional<ApiReply> reply = asked(request)) return send_reply(stream, *reply);
  }
  std::unique_lock lock(mutex);
  if (request.is_watch() && collections.contains(request.path)) {
    lock.unlock();
    watch(stream, request);
    return false;
  }
  const ApiReply reply = usual(request);
  lock.unlock();
  return send_reply(stream, reply);
}

bool FakeApiState::send_reply(ByteStream& stream, const ApiReply& reply) {
  {
    std::unique_lock lock(mutex);
    const auto until = Clock::now() + reply.delay;
    while (!stopping && (reply.silent || Clock::now() < until) && !stream.stirred())
      changed.wait_for(lock, std::chrono::milliseconds(5));
  }
  if (reply.silent) return false;
  HttpHeaders headers = reply.headers;
  headers["content-length"] = std::to_string(reply.body.size());
  const std::size_t size = std::min(reply.body.size(), reply.cut_after.value_or(reply.body.size()));
  return stream.write(head(reply.status, headers) + reply.body.substr(0, size)) && !reply.cut_after;
}

std::string FakeApiState::head(int status, const HttpHeaders& headers) const {
  std::array<char, 64> date;
  std::unique_lock lock(mutex);
  const std::time_t now = std::time(nullptr) + skew.count();
  lock.unlock();
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::strftime(date.data(), date.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  std::string text = "HTTP/1.1 " + std::to_string(status) +
                     " Reply\r\nContent-Type: application/json\r\nDate: " + date.data() + "\r\n";
  for (const auto& [name, value] : headers)
    text += name + ": " + value + "\r\n";
  return text + "\r\n";
}

// Under the lock.
ApiReply FakeApiState::usual(const ApiRequestSeen& request) {
  if (const auto found = collections.find(request.path); found != collections.end()) {
    if (request.method == "GET") return list(request, found->second);
    if (request.method != "POST") return failure(405, "MethodNotAllowed", "not allowed");
    const Json object = Json::parse(request.body);
    const std::string name = text_at(object, "metadata/name");
    if (found->second.objects.contains(name)) return failure(409, "AlreadyExists", name + " already exists");
    store(found->second, object);
    return {.status = 201, .body = found->second.objects.at(name).dump()};
  }
  const std::size_t slash = request.path.rfind('/');
  if (const auto found = collections.find(request.path.substr(0, slash)); found != collections.end()) {
    return single(request, found->second, request.path.substr(slash + 1));
  }
  return discovery(request.path);
}

// Under the lock.
ApiReply FakeApiState::list(const ApiRequestSeen& request, const Collection& collection) const {
  Json items = Json::array();
  for (const auto& [name, object] : collection.objects) {
    if (selects(request.query, object)) items.push_back(object);
  }
  const std::string limit = request.parameter("limit");
  const std::string page = request.parameter("continue");
  const std::size_t start = page.empty() ? 0 : std::stoul(page);
  const std::size_t end = limit.empty() ? items.size() : std::min<std::size_t>(items.size(), start + std::stoul(limit));
  Json answer = {{"kind", collection.kind + "List"},
                 {"metadata", {{"resourceVersion", std::to_string(version)}}},
                 {"items", Json::array()}};
  for (std::size_t i = start; i < end; ++i)
    answer["items"].push_back(items[i]);
  if (end < items.size()) answer["metadata"]["continue"] = std::to_string(end);
  return {.body = answer.dump()};
}

// Under the lock.
ApiReply FakeApiState::single(const ApiRequestSeen& request, Collection& collection, const std::string& name) {
  const auto found = collection.objects.find(name);
  if (found == collection.objects.end()) return failure(404, "NotFound", name + " not found");
  if (request.method == "PUT") {
    const Json object = Json::parse(request.body);
    const std::string seen = text_at(object, "metadata/resourceVersion");
    if (!seen.empty() && seen != text_at(found->second, "metadata/resourceVersion")) {
      return failure(409, "Conflict", name + " has been modified");
    }
    Json fresh = object;
    fresh["metadata"].erase("resourceVersion");
    store(collection, std::move(fresh));
  } else if (request.method != "GET") {
    return failure(405, "MethodNotAllowed", "not allowed");
  }
  return {.body = collection.objects.at(name).dump()};
}

// Under the lock. /apis/GROUP/VERSION
ApiReply FakeApiState::discovery(const std::string& path) const {
  Json resources = Json::array();
  for (const auto& [name, collection] : collections) {
    if (!name.starts_with(path + '/')) continue;
    resources.push_back({{"name", name.substr(name.rfind('/') + 1)}, {"kind", collection.kind}, {"namespaced", true}});
  }
  if (!path.starts_with("/apis/") || resources.empty()) return failure(404, "NotFound", path + " not found");
  return {.body = Json{{"kind", "APIResourceList"}, {"resources", resources}}.dump()};
}

// Under the lock.
std::string FakeApiState::store(Collection& collection, Json object) {
  const std::string now = std::to_string(++version);
  std::string name = text_at(object, "metadata/name");
  if (name.empty()) name = "nameless-" + now;
  const auto found = collection.objects.find(name);
  if (object.is_object() && object["metadata"].is_object()) {
    Json& meta = object["metadata"];
    meta.emplace("resourceVersion", now);
    meta.emplace("uid", found == collection.objects.end() ? "uid-" + now : text_at(found->second, "metadata/uid"));
    meta.emplace("creationTimestamp", "2026-01-01T00:00:00Z");
  }
  collection.events.push_back(
      {.version = version, .before = found == collection.objects.end() ? Json() : found->second, .after = object});
  collection.objects[name] = std::move(object);
  changed.notify_all();
  return now;
}

void FakeApiState::watch(ByteStream& stream, const ApiRequestSeen& request) {
  if (!stream.write(head(200, {{"transfer-encoding", "chunked"}}))) return;
  const std::string from = request.parameter("resourceVersion");
  const std::string timeout = request.parameter("timeoutSeconds");
  const auto deadline = Clock::now() + std::chrono::seconds(timeout.empty() ? 3600 : std::stol(timeout));
  std::unique_lock lock(mutex);
  std::uint64_t seen = from.empty() ? version : std::stoull(from);
  Watch self{.collection = request.path, .raw = {}};
  if (seen < forgotten) {
    lock.unlock();
    stream.write(chunk(event_text("ERROR", Json::parse(failure(410, "Expired", "too old resource version").body))) +
                 chunk({}));
    return;
  }
  watches.insert(&self);
  changed.notify_all();
  bool open = true;
  while (open && !stopping && !self.cut && !stream.stirred() && Clock::now() < deadline) {
    std::string text;
    for (const Event& event : collections.at(request.path).events) {
      if (self.mute || event.version <= seen) continue;
      seen = event.version;
      if (const std::string told = heard(event, request.query); !told.empty()) text += chunk(told);
    }
    for (; !self.raw.empty() && !self.mute; self.raw.pop_front())
      text += chunk(self.raw.front());
    if (!text.empty()) {
      lock.unlock();
      open = stream.write(text);
      lock.lock();
    } else if (self.end) {
      break;
    } else {
      changed.wait_for(lock, std::chrono::milliseconds(10));
    }
  }
  const bool in_order = open && !self.cut && !self.mute;
  watches.erase(&self);
  lock.unlock();
  if (in_order) stream.write(chunk({}));
}

}  // namespace epp::testing
