#include "support/fake_api_server.h"

#include "support/byte_server.h"
#include "support/fake_api_state.h"

#include <algorithm>
#include <stdexcept>

namespace epp::testing {

std::string ApiRequestSeen::token() const {
  const auto found = headers.find("authorization");
  if (found == headers.end() || !found->second.starts_with("Bearer ")) return {};
  return found->second.substr(7);
}

std::string ApiRequestSeen::parameter(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

struct FakeApiServer::State {
  explicit State(bool tls)
      : pair(tls ? std::optional(make_key_pair("fake cluster")) : std::nullopt),
        server(pair, [this](ByteStream& stream) { inside.converse(stream); }) {}

  template <typename Act>
  void each_watch(const std::string& collection, Act act) {
    const std::lock_guard lock(inside.mutex);
    for (FakeApiState::Watch* watch : inside.watches) {
      if (watch->collection == collection) act(*watch);
    }
    inside.changed.notify_all();
  }

  std::filesystem::path write_kubeconfig(const Json& user) {
    Json cluster = {{"server", std::string(pair ? "https" : "http") + "://127.0.0.1:" + std::to_string(server.port())}};
    if (pair) {
      write_file(directory.path() / "ca.crt", pair->certificate);
      cluster["certificate-authority"] = "ca.crt";
    }
    const Json context = {{"cluster", "fake"}, {"user", "fake"}};
    const Json config = {{"current-context", "fake"},
                         {"contexts", Json::array({{{"name", "fake"}, {"context", context}}})},
                         {"clusters", Json::array({{{"name", "fake"}, {"cluster", cluster}}})},
                         {"users", Json::array({{{"name", "fake"}, {"user", user}}})}};
    std::filesystem::path file = directory.path() / ("kubeconfig-" + std::to_string(++files));
    write_file(file, config.dump(2));
    return file;
  }

  FakeApiState inside;
  TempDir directory;
  int files = 0;
  std::optional<KeyPair> pair;
  ByteServer server;
};

FakeApiServer::FakeApiServer(bool tls) : state_(std::make_unique<State>(tls)) {}

FakeApiServer::~FakeApiServer() {
  {
    const std::lock_guard lock(state_->inside.mutex);
    state_->inside.stopping = true;
  }
  state_->inside.changed.notify_all();
}

std::uint16_t FakeApiServer::port() const {
  return state_->server.port();
}

std::string FakeApiServer::url() const {
  return std::string(state_->pair ? "https" : "http") + "://127.0.0.1:" + std::to_string(port());
}

std::string FakeApiServer::ca_pem() const {
  return state_->pair ? state_->pair->certificate : std::string();
}

std::filesystem::path FakeApiServer::kubeconfig_file(const std::string& token) const {
  return state_->write_kubeconfig({{"token", token}});
}

std::filesystem::path FakeApiServer::kubeconfig_file_with(const std::filesystem::path& token_file) const {
  return state_->write_kubeconfig({{"tokenFile", token_file.string()}});
}

void FakeApiServer::serve(const std::string& collection, const std::string& kind) {
  const std::lock_guard lock(state_->inside.mutex);
  state_->inside.collections[collection].kind = kind;
}

std::string FakeApiServer::put(const std::string& collection, Json object) {
  const std::lock_guard lock(state_->inside.mutex);
  return state_->inside.store(state_->inside.collections.at(collection), std::move(object));
}

void FakeApiServer::remove(const std::string& collection, const std::string& name) {
  const std::lock_guard lock(state_->inside.mutex);
  FakeApiState::Collection& there = state_->inside.collections.at(collection);
  there.events.push_back({.version = ++state_->inside.version, .before = there.objects.at(name), .after = Json()});
  there.objects.erase(name);
  state_->inside.changed.notify_all();
}

Json FakeApiServer::object(const std::string& collection, const std::string& name) const {
  const std::lock_guard lock(state_->inside.mutex);
  const auto& objects = state_->inside.collections.at(collection).objects;
  const auto found = objects.find(name);
  return found == objects.end() ? Json() : found->second;
}

void FakeApiServer::forget_history() {
  const std::lock_guard lock(state_->inside.mutex);
  // One more, so that even the newest is too old.
  state_->inside.forgotten = ++state_->inside.version;
}

void FakeApiServer::intercept(Intercept intercept) {
  const std::lock_guard lock(state_->inside.mutex);
  state_->inside.intercept = std::move(intercept);
}

void FakeApiServer::set_clock_skew(std::chrono::seconds skew) {
  const std::lock_guard lock(state_->inside.mutex);
  state_->inside.skew = skew;
}

void FakeApiServer::send_to_watches(const std::string& collection, const std::string& bytes) {
  state_->each_watch(collection, [&](FakeApiState::Watch& watch) { watch.raw.push_back(bytes); });
}

void FakeApiServer::bookmark(const std::string& collection, const std::string& resource_version) {
  const Json event = {{"type", "BOOKMARK"}, {"object", {{"metadata", {{"resourceVersion", resource_version}}}}}};
  send_to_watches(collection, event.dump() + '\n');
}

void FakeApiServer::end_watches(const std::string& collection) {
  state_->each_watch(collection, [](FakeApiState::Watch& watch) { watch.end = true; });
}

void FakeApiServer::cut_watches(const std::string& collection) {
  state_->each_watch(collection, [](FakeApiState::Watch& watch) { watch.cut = true; });
}

void FakeApiServer::mute_watches(const std::string& collection) {
  state_->each_watch(collection, [](FakeApiState::Watch& watch) { watch.mute = true; });
}

std::size_t FakeApiServer::open_watches(const std::string& collection) const {
  const std::lock_guard lock(state_->inside.mutex);
  return static_cast<std::size_t>(std::ranges::count_if(
      state_->inside.watches, [&](const FakeApiState::Watch* watch) { return watch->collection == collection; }));
}

std::vector<ApiRequestSeen> FakeApiServer::requests() const {
  const std::lock_guard lock(state_->inside.mutex);
  return state_->inside.requests;
}

ApiRequestSeen FakeApiServer::wait_for(const Predicate& wanted, std::size_t from,
                                       std::chrono::milliseconds patience) const {
  const auto deadline = Clock::now() + patience;
  std::unique_lock lock(state_->inside.mutex);
  for (std::size_t i = from;;) {
    for (; i < state_->inside.requests.size(); ++i) {
      if (wanted(state_->inside.requests[i])) return state_->inside.requests[i];
    }
    if (state_->inside.changed.wait_until(lock, deadline) == std::cv_status::timeout) break;
  }
  std::string seen;
  for (const ApiRequestSeen& request : state_->inside.requests)
    seen += '\n' + request.method + ' ' + request.path + (request.is_watch() ? " (watch)" : "");
  throw std::runtime_error("the awaited request did not come but:" + seen);
}

std::size_t FakeApiServer::count(const Predicate& wanted) const {
  const std::lock_guard lock(state_->inside.mutex);
  return static_cast<std::size_t>(std::ranges::count_if(state_->inside.requests, wanted));
}

}  // namespace epp::testing
