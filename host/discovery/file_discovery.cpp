#include "discovery/file_discovery.h"

#include "discovery/endpoint_entry.h"
#include "discovery/pool_file.h"
#include "net/file_watcher.h"
#include "net/io_pool.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace epp::discovery {
namespace {

using Json = nlohmann::json;
using endpoints::EndpointSpec;
using objectives::Objective;

constexpr std::size_t kMaxDumped = 100;

std::variant<std::string, FileError> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return FileError{"open " + path + ": " + std::strerror(errno)};
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return FileError{"read " + path + ": " + std::strerror(errno)};
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) return FileError{path + " is larger than 1 MiB"};
  return text;
}

}  // namespace

FileDiscoveryParameters parse_file_discovery_parameters(std::string_view type, std::string_view text) {
  FileDiscoveryParameters parameters;
  if (type != kFileDiscovery && type != kMulticlusterFileDiscovery) {
    throw DiscoveryError("unknown discovery type \"" + std::string(type) + "\"");
  }
  parameters.type = std::string(type);
  const Json json = text.empty() ? Json::object() : Json::parse(text, nullptr, false);
  if (!json.is_object() && !json.is_null()) throw DiscoveryError("parameters must be a JSON object");
  for (const auto& item : json.items()) {
    const auto boolean = [&](bool& into) {
      if (!item.value().is_boolean()) throw DiscoveryError("field \"" + item.key() + "\" must be a boolean");
      into = item.value().get<bool>();
    };
    if (item.key() == "path") {
      if (!item.value().is_string()) throw DiscoveryError("field \"path\" must be a string");
      parameters.path = item.value().get<std::string>();
    } else if (item.key() == "watchFile") {
      boolean(parameters.watch_file);
    } else if (item.key() == "refuseEmptyReload") {
      boolean(parameters.refuse_empty_reload);
    } else {
      throw DiscoveryError("json: unknown field \"" + item.key() + "\"");
    }
  }
  if (parameters.path.empty()) throw DiscoveryError("'path' parameter is required");
  return parameters;
}

std::string_view file_discovery_schema() {
  return R"json({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "required": ["path"],
  "properties": {
    "path": {"type": "string", "minLength": 1, "description": "The endpoints file, YAML or JSON"},
    "watchFile": {"type": "boolean", "default": false, "description": "Reload when the file changes"},
    "refuseEmptyReload": {"type": "boolean", "default": false,
      "description": "Keep the present endpoints when a reload would leave none"}
  }
})json";
}

struct FileDiscovery::State {
  State(net::IoPool& io, endpoints::EndpointTable& endpoint_table, FileDiscoveryParameters given,
        DiscoveryObserver* listener, objectives::ObjectiveTable* objective_table)
      : pool(io),
        table(endpoint_table),
        objectives(objective_table),
        parameters(std::move(given)),
        observer(listener),
        addresses(parameters.type == kMulticlusterFileDiscovery ? Addresses::kIpOrDnsName : Addresses::kIpv4) {}

  // The file as it stands now.
  std::variant<PoolFile, FileError> read() const {
    auto text = read_file(parameters.path);
    if (auto* error = std::get_if<FileError>(&text)) return std::move(*error);
    auto file = parse_pool_file(std::get<std::string>(text));
    if (auto* error = std::get_if<FileError>(&file)) return about_file(*error);
    return file;
  }

  FileError about_file(const FileError& error) const { return {parameters.path + ": " + error.text}; }

  void load() {
    std::lock_guard lock(mutex);
    auto file = read();
    if (const auto* error = std::get_if<FileError>(&file)) fail(error->text);
    auto& content = std::get<PoolFile>(file);
    if (const auto* error = std::get_if<FileError>(&content.objectives)) fail(about_file(*error).text);
    std::vector<EndpointSpec> specs;
    for (auto& entry : content.endpoints) {
      auto spec = to_endpoint(std::move(entry), addresses);
      if (const auto* error = std::get_if<FileError>(&spec)) fail(error->text);
      specs.push_back(std::get<EndpointSpec>(std::move(spec)));
    }
    apply(std::get<std::vector<Objective>>(std::move(content.objectives)));
    apply(std::move(specs));
    loaded = true;
  }

  void reload(net::FileEvent event) {
    std::lock_guard lock(mutex);
    if (!loaded) return;  // the first load reads the newest content itself
    if (event == net::FileEvent::kMissing) {
      return refuse(parameters.path + " is missing; keeping the present endpoints until it is back");
    }
    auto file = read();
    if (const auto* error = std::get_if<FileError>(&file)) return refuse(error->text);
    auto& content = std::get<PoolFile>(file);
    if (const auto* error = std::get_if<FileError>(&content.objectives)) {
      refuse(about_file(*error).text + "; keeping the present objectives");
    } else {
      apply(std::get<std::vector<Objective>>(std::move(content.objectives)));
    }
    reload_endpoints(std::move(content.endpoints));
  }

  void reload_endpoints(std::vector<FileEntry> entries) {
    // Of two entries with one identity the last one decides, also when it is the bad one.
    std::map<std::string, std::size_t> position;
    std::vector<EndpointSpec> specs;
    std::vector<bool> dropped;
    for (auto& entry : entries) {
      const std::string id = entry.name_space + "/" + entry.name;
      auto spec = to_endpoint(std::move(entry), addresses);
      if (const auto before = position.find(id); before != position.end()) dropped[before->second] = true;
      if (const auto* error = std::get_if<FileError>(&spec)) {
        if (observer) observer->on_bad_entry(error->text);
        continue;
      }
      position[id] = specs.size();
      specs.push_back(std::get<EndpointSpec>(std::move(spec)));
      dropped.push_back(false);
    }
    std::vector<EndpointSpec> kept;
    for (std::size_t i = 0; i < specs.size(); ++i) {
      if (!dropped[i]) kept.push_back(std::move(specs[i]));
    }
    if (kept.empty() && parameters.refuse_empty_reload && !table.snapshot()->empty()) {
      return refuse("the file has no usable endpoint; keeping the present ones (refuseEmptyReload)");
    }
    apply(std::move(kept));
  }

  void apply(std::vector<EndpointSpec> specs) {
    const std::size_t changes = table.replace(std::move(specs));
    if (observer) observer->on_loaded(table.snapshot()->size(), changes);
  }

  void apply(std::vector<Objective> wanted) {
    if (objectives == nullptr) return;
    const std::size_t count = wanted.size();
    if (objectives->replace(std::move(wanted)) && observer) observer->on_objectives(count);
  }

  void refuse(const std::string& text) {
    if (observer) observer->on_reload_failed(text);
  }

  [[noreturn]] void fail(const std::string& text) const {
    throw DiscoveryError(parameters.type + ": initial load failed: " + text);
  }

  net::IoPool& pool;
  endpoints::EndpointTable& table;
  objectives::ObjectiveTable* const objectives;  // may be null
  const FileDiscoveryParameters parameters;
  DiscoveryObserver* const observer;
  const Addresses addresses;
  std::mutex mutex;  // one load at a time
  std::atomic<bool> loaded{false};
  std::unique_ptr<net::FileWatcher> watcher;
};

FileDiscovery::FileDiscovery(net::IoPool& pool, endpoints::EndpointTable& table, FileDiscoveryParameters parameters,
                             DiscoveryObserver* observer, objectives::ObjectiveTable* objectives)
    : state_(std::make_unique<State>(pool, table, std::move(parameters), observer, objectives)) {}

FileDiscovery::~FileDiscovery() = default;

void FileDiscovery::start() {
  State& state = *state_;
  // Watching begins first, so that a change during the load is not missed.
  if (state.parameters.watch_file) {
    state.watcher = std::make_unique<net::FileWatcher>(state.pool, state.parameters.path,
                                                       [&state](net::FileEvent event) { state.reload(event); });
  }
  state.load();
}

bool FileDiscovery::ready() const {
  return state_->loaded;
}

std::string FileDiscovery::state_json() const {
  const auto snapshot = state_->table.snapshot();
  std::vector<std::string> ids;
  for (const auto slot : snapshot->slots())
    ids.push_back(snapshot->endpoint(slot)->id());
  std::sort(ids.begin(), ids.end());
  const std::size_t total = ids.size();
  if (ids.size() > kMaxDumped) ids.resize(kMaxDumped);
  Json dump{{"endpoints", ids}, {"totalEndpoints", total}, {"maxEndpoints", kMaxDumped}};
  if (state_->objectives != nullptr) {
    const auto objectives = state_->objectives->all();
    Json& list = dump["objectives"] = Json::array();
    for (std::size_t i = 0; i < std::min(objectives.size(), kMaxDumped); ++i) {
      const auto& [name, terms, has_band] = objectives[i];
      list.push_back({{"name", name}, {"priority", terms.priority}, {"weight", terms.weight}});
    }
    dump["totalObjectives"] = objectives.size();
  }
  return dump.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace epp::discovery
