#include "unit/plugin_harness/scripted.h"

namespace epp::testing {

namespace {

std::map<std::string, Script>& scripts() {
  static std::map<std::string, Script> all;
  return all;
}

class Scripted {
 public:
  explicit Scripted(sdk::Context& context) : script_(script(std::string(context.name()))) {
    if (script_.construct) script_.construct(context);
  }
  ~Scripted() {
    if (script_.destroyed) script_.destroyed();
  }
  Scripted(const Scripted&) = delete;
  Scripted& operator=(const Scripted&) = delete;

 protected:
  Script script_;
};

struct Filter : Scripted {
  using Scripted::Scripted;
  void filter(const sdk::Request& request, const sdk::Candidates& candidates, sdk::Kept& kept) const {
    script_.filter(request, candidates, kept);
  }
};

struct Scorer : Scripted {
  using Scripted::Scripted;
  void score(const sdk::Request& request, const sdk::Candidates& candidates, std::span<double> scores) const {
    script_.score(request, candidates, scores);
  }
};

struct Picker : Scripted {
  using Scripted::Scripted;
  void pick(const sdk::Request& request, const sdk::Candidates& candidates, std::span<const double> totals,
            sdk::Picks& picks) const {
    script_.pick(request, candidates, totals, picks);
  }
};

struct Producer : Scripted {
  using Scripted::Scripted;
  bool produce(const sdk::Request& request, const sdk::Candidates& candidates, sdk::Token token) {
    return script_.produce(request, candidates, token);
  }
  void cancel(uint64_t token) const {
    if (script_.cancel) script_.cancel(token);
  }
};

struct Handler : Scripted {
  using Scripted::Scripted;
  void pick_profiles(const sdk::Request& request, const sdk::Results& results, std::span<uint32_t> decisions) const {
    script_.pick_profiles(request, results, decisions);
  }
  uint32_t process_profiles(const sdk::Request& request, const sdk::Results& results,
                            std::span<uint32_t> include) const {
    return script_.process_profiles(request, results, include);
  }
};

struct Hook : Scripted {
  using Scripted::Scripted;
  void pre_request(const sdk::Request& request, const sdk::Results& results) const {
    if (script_.pre_request) script_.pre_request(request, results);
  }
};

struct Watcher : Scripted {
  using Scripted::Scripted;
  void on_endpoint_added(const epp_endpoint& endpoint) const { script_.endpoint(endpoint, true); }
  void on_endpoint_removed(const epp_endpoint& endpoint) const { script_.endpoint(endpoint, false); }
};

}  // namespace

Script& script(const std::string& name) {
  return scripts()[name];
}

const epp_entry& scripted_entry() {
  static const epp_type* const kTypes[] = {
      sdk::type<Filter>({.name = "scripted-filter", .description = "keeps what a test says"}),
      sdk::type<Scorer>({.name = "scripted-scorer", .description = "scores as a test says"}),
      sdk::type<Picker>({.name = "scripted-picker", .description = "picks as a test says"}),
      sdk::type<Producer>({.name = "scripted-producer",
                           .description = "produces what a test says",
                           .default_keys = {"Scripted/scripted-producer"}}),
      sdk::type<Handler>({.name = "scripted-handler", .description = "runs the profiles that a test says"}),
      sdk::type<Hook>({.name = "scripted-hook", .description = "does before a request what a test says"}),
      sdk::type<Watcher>({.name = "scripted-watcher", .description = "tells a test of endpoints"}),
  };
  static const epp_entry kEntry{sizeof(epp_entry), EPP_ABI_MAJOR, EPP_ABI_MINOR, std::size(kTypes), kTypes,
                                nullptr,           nullptr};
  return kEntry;
}

void load_scripted(PluginHarness& host) {
  scripts().clear();
  host.load_entry(scripted_entry(), "scripted");
}

}  // namespace epp::testing
