// `file-discovery` and `multicluster-file-discovery`: the endpoints, and the objectives, stand in a file
// (pool_file.h).
#pragma once

#include "endpoints/endpoint_table.h"
#include "objectives/objective_table.h"

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace epp::net {
class IoPool;
}

namespace epp::discovery {

inline constexpr std::string_view kFileDiscovery = "file-discovery";
inline constexpr std::string_view kMulticlusterFileDiscovery = "multicluster-file-discovery";

class DiscoveryError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct FileDiscoveryParameters {
  std::string type = std::string(kFileDiscovery);
  std::string path;
  bool watch_file = false;
  // Ours: a reload that would leave no endpoint at all is refused and the present ones stay.
  bool refuse_empty_reload = false;
};

// `json` is the parameters object, or empty. Throws DiscoveryError: unknown type or field, no path.
[[nodiscard]] FileDiscoveryParameters parse_file_discovery_parameters(std::string_view type, std::string_view json);
// JSON Schema (draft-07) of those parameters.
[[nodiscard]] std::string_view file_discovery_schema();

// What happened, for logs. Called on the thread that loads; calls do not overlap.
class DiscoveryObserver {
 public:
  virtual ~DiscoveryObserver() = default;
  virtual void on_loaded(std::size_t endpoints, std::size_t changes) = 0;
  // The objectives have changed.
  virtual void on_objectives(std::size_t /*objectives*/) {}
  // An entry of a reload that was skipped; an endpoint of that identity is removed.
  virtual void on_bad_entry(std::string_view text) = 0;
  // The file is missing, unreadable, or refused; what was loaded stays. Also for its objectives alone.
  virtual void on_reload_failed(std::string_view text) = 0;
};

// Keeps the whole endpoint table, and that of the objectives, equal to the file.
//
//   first load:  any fault fails the start, and nothing of the file gets into the table
//   reload:      an unusable file or a missing one changes nothing; a bad entry is skipped (and its endpoint removed);
//                entries that are gone are removed; of two entries with one identity the last wins;
//                a fault in the objectives keeps all present ones, while the endpoints follow the file
class FileDiscovery {
 public:
  // All outlive this. `observer` may be null, `objectives` too: those of the file are then checked and left alone.
  FileDiscovery(net::IoPool& pool, endpoints::EndpointTable& table, FileDiscoveryParameters parameters,
                DiscoveryObserver* observer, objectives::ObjectiveTable* objectives = nullptr);
  ~FileDiscovery();  // stops watching
  FileDiscovery(const FileDiscovery&) = delete;
  FileDiscovery& operator=(const FileDiscovery&) = delete;

  // Loads the file, then watches it if asked to. Throws DiscoveryError ("file-discovery: initial load failed: ...").
  void start();
  // [any thread] True after the first load.
  [[nodiscard]] bool ready() const;
  // [any thread] {"endpoints":["namespace/name",...],"totalEndpoints":N,"maxEndpoints":100}, sorted, 100 at most; with
  // a table of objectives also "objectives":[{"name":...,"priority":...,"weight":...},...] and "totalObjectives".
  [[nodiscard]] std::string state_json() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace epp::discovery
