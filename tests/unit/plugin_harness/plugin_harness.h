// A stage for one plugin: loads a built library, makes instances, and plays the host around them.
//
//   PluginHarness host;
//   host.load("queue-scorer");                                   // EPP_PLUGIN_DIR/queue-scorer.so
//   auto scorer = host.create("queue-scorer", R"({})");
//   host.endpoint("a").label("role", "decode").set(EPP_KEY_WAITING_QUEUE_SIZE, 3.0);
//   host.endpoint("b").set(EPP_KEY_WAITING_QUEUE_SIZE, 0.0);
//   auto request = host.request();
//   request.model("llama").header("x-a", "1").text("hello");
//   EXPECT_THAT(host.score(scorer, request), ElementsAre(0.0, 1.0));   // in the order the endpoints were added
//
// Endpoints are named; results name them. Everything runs on the calling thread, over a fake clock: advance() fires
// timers. Failed expectations that make no sense to go on with throw std::runtime_error with the text.
#pragma once

#include "endpoints/attributes.h"
#include "endpoints/endpoint_table.h"
#include "plugins/completion.h"
#include "plugins/environment.h"
#include "plugins/graveyard.h"
#include "plugins/instance.h"
#include "plugins/library.h"
#include "plugins/request_context.h"

#include <epp/abi.h>
#include <epp/keys.h>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::testing {

class PluginHarness;

// An endpoint being set up. Values take effect at the next call into a plugin.
class EndpointSetup {
 public:
  EndpointSetup& label(std::string_view key, std::string_view value);
  EndpointSetup& annotation(std::string_view key, std::string_view value);
  EndpointSetup& address(std::string_view address, std::string_view port = "8000");
  EndpointSetup& rank(uint32_t rank);
  EndpointSetup& workload(std::string_view name);
  EndpointSetup& node(std::string_view address);
  // Scraped columns, by data key.
  EndpointSetup& set(std::string_view key, double value);
  EndpointSetup& set(std::string_view key, int64_t value);
  EndpointSetup& set(std::string_view key, std::string_view value);
  EndpointSetup& set(std::string_view key, std::vector<std::string> value);
  // A live counter, by data key with its #field.
  EndpointSetup& live(std::string_view key, int64_t value);

 private:
  friend class PluginHarness;
  EndpointSetup(PluginHarness* host, std::string name) : host_(host), name_(std::move(name)) {}
  template <typename Value>
  EndpointSetup& store(std::string_view key, uint32_t type, Value value);
  PluginHarness* host_;
  std::string name_;
};

// One request with its whole context. Ends (drops per-instance state) when destroyed.
class TestRequest {
 public:
  TestRequest(TestRequest&&) noexcept;
  ~TestRequest();

  TestRequest& id(std::string_view value);
  TestRequest& model(std::string_view value);  // incoming and target
  TestRequest& target_model(std::string_view value);
  TestRequest& header(std::string_view name, std::string_view value);
  TestRequest& response_header(std::string_view name, std::string_view value);
  TestRequest& metadata(std::string_view name_space, std::string_view key, std::string_view value);
  TestRequest& body(std::string_view bytes);
  // Parts of the prompt, in order; none at all makes prompt() an error.
  TestRequest& text(std::string_view text, uint32_t prompt = 0);
  TestRequest& token_ids(std::vector<uint32_t> ids, uint32_t prompt = 0);
  TestRequest& part(uint32_t kind, std::string_view data, std::string_view aux = {}, uint32_t prompt = 0);
  TestRequest& cache_salt(std::string_view value);
  TestRequest& fairness_id(std::string_view value);
  TestRequest& objective(std::string_view value);
  TestRequest& path(std::string_view value);
  TestRequest& priority(int32_t value);
  TestRequest& max_output_tokens(int64_t value);
  TestRequest& api(uint32_t value);
  TestRequest& streaming(bool value = true);
  // Request attributes, as if another producer had written them.
  TestRequest& attribute(std::string_view key, double value);
  TestRequest& attribute(std::string_view key, int64_t value);
  TestRequest& attribute(std::string_view key, std::string_view value);
  TestRequest& attribute(std::string_view key, std::vector<uint32_t> value);
  TestRequest& attribute_bytes(std::string_view key, std::string_view bytes);
  // A per-request column, as if another producer had written it: values by endpoint name, the rest missing.
  TestRequest& column(std::string_view key, std::map<std::string, double> values);
  TestRequest& column_i64(std::string_view key, std::map<std::string, int64_t> values);

  // The profile results that pre-request and the handler see. `targets` best first; `candidates` default to all
  // endpoints with score 0. The first profile added is the primary one until primary() says otherwise.
  TestRequest& result(std::string_view profile, std::vector<std::string> targets,
                      std::vector<std::pair<std::string, double>> candidates = {});
  TestRequest& failed_result(std::string_view profile, std::string_view message, epp_status status = EPP_ERR_UNTYPED);
  TestRequest& skipped_result(std::string_view profile);
  TestRequest& profile_not_run(std::string_view profile);
  TestRequest& primary(std::string_view profile);
  TestRequest& clear_results();

  plugins::RequestContext& context();

 private:
  friend class PluginHarness;
  struct Impl;
  explicit TestRequest(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What a call that can fail answered.
struct CallOutcome {
  epp_status status = EPP_OK;
  std::string message;
  std::string reason;
  bool ok() const { return status == EPP_OK; }
};

struct ProduceOutcome : CallOutcome {
  uint64_t token = 0;  // while status is EPP_PENDING
};

struct TestResponse {
  uint32_t status = 200;
  std::string target;  // endpoint name; empty: first target of the primary profile, else the first endpoint
  bool stream = false;
  std::optional<epp_usage> usage;
};

class PluginHarness {
 public:
  PluginHarness();
  ~PluginHarness();
  PluginHarness(const PluginHarness&) = delete;
  PluginHarness& operator=(const PluginHarness&) = delete;

  // A library by file name without ".so", in EPP_PLUGIN_DIR, or by path.
  void load(std::string_view library);
  // A library linked into the test.
  void load_entry(const epp_entry& entry, std::string name = "linked");

  // Makes an instance; the name defaults to the type. Parameters are checked against the type's schema first, as the
  // host does. Throws when refused.
  plugins::InstancePtr create(std::string_view type, std::string_view parameters = "{}", std::string_view name = {});
  // The text with which the creation is refused; empty when it is not.
  std::string create_error(std::string_view type, std::string_view parameters = "{}");

  // A new endpoint "default/<name>", or the one of that name. Addresses are 10.0.0.1, .2, ... unless set.
  EndpointSetup endpoint(std::string_view name);
  void remove_endpoint(std::string_view name);
  std::vector<std::string> endpoint_names() const;
  // As plugins see it.
  const epp_endpoint& endpoint_abi(std::string_view name);

  TestRequest request();
  // Restricts the candidates of the following calls, in this order; empty: all endpoints.
  void candidates(std::vector<std::string> names);

  // Publishes what was set up, pins it for the request and gives its candidates, for calls that the harness does not
  // make itself. Valid until the next call.
  epp_candidates stage(TestRequest& request);

  // Hooks. Endpoints by name, in the order that the plugin gave; scores by position of the candidates.
  std::vector<std::string> filter(const plugins::InstancePtr& instance, TestRequest& request);
  std::vector<std::string> screen(const plugins::InstancePtr& instance, TestRequest& request);
  std::vector<double> score(const plugins::InstancePtr& instance, TestRequest& request);  // as the plugin wrote them
  std::vector<std::string> pick(const plugins::InstancePtr& instance, TestRequest& request, std::vector<double> totals);
  ProduceOutcome produce(const plugins::InstancePtr& instance, TestRequest& request);
  // Waits (real time) for the completion of a pending produce call and applies it. False when none came.
  bool await(const plugins::InstancePtr& instance, TestRequest& request, const ProduceOutcome& pending,
             uint64_t deadline_ms = 5000);
  // Stops waiting, as the host does at the time limit.
  void abandon(const plugins::InstancePtr& instance, const ProduceOutcome& pending);
  CallOutcome admit(const plugins::InstancePtr& instance, TestRequest& request);
  CallOutcome request_header(const plugins::InstancePtr& instance, TestRequest& request);
  CallOutcome pre_request(const plugins::InstancePtr& instance, TestRequest& request);
  void response_header(const plugins::InstancePtr& instance, TestRequest& request, const TestResponse& response = {});
  void response_body(const plugins::InstancePtr& instance, TestRequest& request, std::string_view chunk, bool end,
                     const TestResponse& response = {});
  void response_complete(const plugins::InstancePtr& instance, TestRequest& request, uint32_t cause = EPP_END_NATURAL,
                         const TestResponse& response = {});
  // Profile handler: the complaint of bind (empty: none); names of the profiles marked to run and to skip; the primary.
  std::string bind_profiles(const plugins::InstancePtr& instance, std::vector<std::string> profiles);
  struct HandlerDecision : CallOutcome {
    std::vector<std::string> run;
    std::vector<std::string> skip;
  };
  HandlerDecision pick_profiles(const plugins::InstancePtr& instance, TestRequest& request);
  struct HandlerResult : CallOutcome {
    std::string primary;
    std::vector<std::string> included;
  };
  HandlerResult process_profiles(const plugins::InstancePtr& instance, TestRequest& request);
  double saturation(const plugins::InstancePtr& instance);
  // As flow control asks: slots of `unseen` by endpoint name.
  struct Reserved {
    uint64_t undecided = 0;
    int64_t undecided_tokens = 0;
    std::map<std::string, uint32_t> unseen = {};
  };
  double saturation(const plugins::InstancePtr& instance, const Reserved& reserved, uint64_t* again_ns = nullptr);
  std::string state(const plugins::InstancePtr& instance);  // JSON text of the state dump
  bool ready(const plugins::InstancePtr& instance);

  // Reading. Columns by position of all endpoints in the order they were added; missing is NaN / EPP_I64_MISSING.
  std::vector<double> f64(TestRequest& request, std::string_view key);
  std::vector<int64_t> i64(TestRequest& request, std::string_view key);
  std::vector<int64_t> live(std::string_view key);
  epp_value value(TestRequest& request, std::string_view key);  // type 0: missing
  std::string text_value(TestRequest& request, std::string_view key);
  std::vector<uint32_t> u32_value(TestRequest& request, std::string_view key);

  // Time: starts at 1000 s monotonic, 1.7e9 s wall.
  uint64_t now_ns() const;
  void advance_ns(uint64_t ns);
  void advance_seconds(double seconds);
  size_t timers() const;  // running ones

  // Metrics: a counter's or gauge's value, a histogram's count and sum; nullopt when there is no such series.
  std::optional<double> metric(std::string_view name, std::vector<std::string> label_values = {}) const;
  struct Distribution {
    uint64_t count = 0;
    double sum = 0;
  };
  std::optional<Distribution> histogram(std::string_view name, std::vector<std::string> label_values = {}) const;

  // Log lines so far: "<level> <message> key=value ...".
  std::vector<std::string> log_lines() const;

  const plugins::Environment& environment() const;
  // Told of calls and faults of instances made from here on; outlives them.
  void observe(plugins::CallObserver& observer);
  endpoints::EndpointTable& table();
  endpoints::AttributeRegistry& attributes();

 private:
  friend class EndpointSetup;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace epp::testing
