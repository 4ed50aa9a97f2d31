// The host around the library under check: the file loaded as the host loads it, endpoints with values, instances.
#pragma once

#include "check/channel.h"
#include "check/options.h"
#include "check/random.h"
#include "check/services.h"
#include "endpoints/attributes.h"
#include "endpoints/endpoint_table.h"
#include "plugins/completion.h"
#include "plugins/environment.h"
#include "plugins/graveyard.h"
#include "plugins/instance.h"
#include "plugins/library.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::check {

// How the attributes that an instance consumes are filled.
enum class Values : uint8_t { kMissing, kOrdinary, kExtreme };
std::string_view to_string(Values values);

class Stage final : public plugins::CallObserver {
 public:
  Stage(const Options& options, Channel& channel, std::string type);
  ~Stage() override;

  // False with the reason. Others may be able to write to the file: that is not held against it here.
  bool load(std::string& error);
  void adopt(plugins::LibraryPtr library) { library_ = std::move(library); }
  void unload() { library_.reset(); }
  const plugins::LibraryPtr& library() const { return library_; }
  const epp_type* descriptor() const;

  // Makes an instance of the type; nullptr with the reason. `parameters` have been checked. `tables`: judge them, too.
  plugins::InstancePtr create(const std::string& parameters, std::string& error, bool judge_tables = false);
  // Destroys it, and reports what it leaves behind. It is the last reference.
  void destroy(plugins::InstancePtr& instance);

  // ---- endpoints ----
  // As many new endpoints, whose slots are not their positions. `words` become labels and values of them.
  void set_endpoints(uint32_t count, const std::vector<std::string>& words, Random& random);
  // Some go, some come, some change.
  void churn(Random& random);
  // Values of everything that the instance consumes of endpoints, published.
  void fill(const plugins::Instance& instance, Values values, Random& random);
  // Sum of the live counters that the instance owns, over all endpoints.
  int64_t live_sum(const plugins::Instance& instance);

  endpoints::EndpointTable& table() { return *table_; }
  CheckClock& clock() { return clock_; }
  CheckTimers& timers() { return timers_; }
  CheckMetrics& metrics() { return metrics_; }
  plugins::CompletionTable& completions() { return completions_; }
  Channel& channel() { return channel_; }
  const std::string& type() const { return type_; }
  const Options& options() const { return options_; }

 private:
  void on_call(const plugins::Instance&, plugins::ExtensionPoint, uint64_t) override {}
  void on_fault(const plugins::Instance& instance, plugins::ExtensionPoint point, plugins::Fault fault,
                std::string_view message) override;
  endpoints::EndpointSpec make_spec(Random& random);

  const Options& options_;
  Channel& channel_;
  std::string type_;
  CheckClock clock_;
  CheckTimers timers_{clock_};
  CheckMetrics metrics_;
  CheckLog log_;
  endpoints::AttributeRegistry attributes_;
  std::unique_ptr<endpoints::EndpointTable> table_;
  plugins::CompletionTable completions_;
  plugins::Environment environment_;
  plugins::LibraryPtr library_;
  uint64_t endpoints_made_ = 0;
  std::vector<std::string> words_;
};

}  // namespace epp::check
