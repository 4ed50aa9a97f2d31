#include "unit/plugin_harness/plugin_harness.h"

#include "plugins/hooks.h"
#include "unit/plugin_harness/harness_impl.h"

#include <limits>

namespace epp::testing {

namespace {

// The pieces of one call.
struct Stage {
  explicit Stage(plugins::RequestContext& context) : call{context, error, timer} {}
  plugins::ErrorBuffer error;
  plugins::CallTimer timer;
  plugins::Call call;

  template <typename Outcome>
  void report(epp_status status, Outcome& outcome) const {
    outcome.status = status;
    if (status >= 0) return;
    outcome.message = error.message();
    outcome.reason = error.reason();
  }
};

template <typename Table>
void require(const Table* table, const InstancePtr& instance, std::string_view what) {
  if (table == nullptr) throw std::runtime_error(instance->name() + " is no " + std::string(what));
}

}  // namespace

PluginHarness::PluginHarness() : impl_(std::make_unique<Impl>()) {}
PluginHarness::~PluginHarness() = default;

void PluginHarness::load(std::string_view library) {
  std::string path(library);
  if (path.find('/') == std::string::npos) path = std::string(EPP_PLUGIN_DIR) + "/" + path + ".so";
  std::string error;
  plugins::LibraryPtr loaded = plugins::Library::load(path, {}, error);
  if (loaded == nullptr) throw std::runtime_error(error);
  impl_->libraries.push_back(std::move(loaded));
}

void PluginHarness::load_entry(const epp_entry& entry, std::string name) {
  std::string error;
  plugins::LibraryPtr loaded = plugins::Library::from_entry(entry, std::move(name), error);
  if (loaded == nullptr) throw std::runtime_error(error);
  impl_->libraries.push_back(std::move(loaded));
}

InstancePtr PluginHarness::create(std::string_view type, std::string_view parameters, std::string_view name) {
  std::string error;
  InstancePtr instance = impl_->make(type, parameters, name, error);
  if (instance == nullptr) throw std::runtime_error(error);
  return instance;
}

std::string PluginHarness::create_error(std::string_view type, std::string_view parameters) {
  std::string error;
  return impl_->make(type, parameters, {}, error) == nullptr ? error : std::string();
}

epp_candidates PluginHarness::stage(TestRequest& request) {
  return impl_->stage(*request.impl_);
}

// ---- hooks ----

std::vector<std::string> PluginHarness::filter(const InstancePtr& instance, TestRequest& request) {
  require(instance->filter, instance, "filter");
  const epp_candidates all = impl_->stage(*request.impl_);
  Stage stage(request.context());
  plugins::SlotSet scratch;
  std::vector<uint32_t> kept(all.count);
  uint32_t count = 0;
  if (plugins::run_filter(*instance, stage.call, all, scratch, kept.data(), count) != EPP_OK) {
    throw std::runtime_error(std::string(stage.error.message()));
  }
  std::vector<std::string> names;
  for (uint32_t i = 0; i < count; ++i)
    names.push_back(impl_->name_at(kept[i]));
  return names;
}

std::vector<std::string> PluginHarness::screen(const InstancePtr& instance, TestRequest& request) {
  require(instance->screener, instance, "screener");
  const epp_candidates all = impl_->stage(*request.impl_);
  Stage stage(request.context());
  plugins::SlotSet scratch;
  std::vector<uint32_t> kept(all.count);
  uint32_t count = 0;
  if (plugins::run_screener(*instance, stage.call, all, scratch, kept.data(), count) != EPP_OK) {
    throw std::runtime_error(std::string(stage.error.message()));
  }
  std::vector<std::string> names;
  for (uint32_t i = 0; i < count; ++i)
    names.push_back(impl_->name_at(kept[i]));
  return names;
}

std::vector<double> PluginHarness::score(const InstancePtr& instance, TestRequest& request) {
  require(instance->scorer, instance, "scorer");
  const epp_candidates all = impl_->stage(*request.impl_);
  Stage stage(request.context());
  std::vector<double> scores(all.count);
  const uint64_t errors = instance->faults(plugins::Fault::kError);
  plugins::run_scorer(*instance, stage.call, all, scores);
  if (instance->faults(plugins::Fault::kError) != errors) throw std::runtime_error(std::string(stage.error.message()));
  return scores;
}

std::vector<std::string> PluginHarness::pick(const InstancePtr& instance, TestRequest& request,
                                             std::vector<double> totals) {
  require(instance->picker, instance, "picker");
  const epp_candidates all = impl_->stage(*request.impl_);
  if (totals.size() != all.count) throw std::runtime_error("one total for each candidate");
  Stage stage(request.context());
  plugins::SlotSet scratch;
  std::vector<uint32_t> picked(all.count);
  uint32_t count = 0;
  if (!plugins::run_picker(*instance, stage.call, all, totals, scratch, picked.data(), count)) {
    throw std::runtime_error("the picker's answer is unusable: " + std::string(stage.error.message()));
  }
  std::vector<std::string> names;
  for (uint32_t i = 0; i < count; ++i)
    names.push_back(impl_->name_at(all.slots[picked[i]]));
  return names;
}

ProduceOutcome PluginHarness::produce(const InstancePtr& instance, TestRequest& request) {
  require(instance->producer, instance, "producer");
  const epp_candidates all = impl_->stage(*request.impl_);
  Stage stage(request.context());
  const plugins::Production production =
      plugins::run_producer(instance, stage.call, all, impl_->completions, impl_->mailbox);
  ProduceOutcome outcome;
  stage.report(production.status, outcome);
  outcome.token = production.token;
  return outcome;
}

bool PluginHarness::await(const InstancePtr& instance, TestRequest& request, const ProduceOutcome& pending,
                          uint64_t deadline_ms) {
  const auto completion = impl_->mailbox->wait(pending.token, std::chrono::milliseconds(deadline_ms));
  if (!completion) return false;
  plugins::finish_producer(*instance, request.context(), *completion);
  return true;
}

void PluginHarness::abandon(const InstancePtr& instance, const ProduceOutcome& pending) {
  plugins::abandon_producer(*instance, impl_->completions, pending.token, true);
}

CallOutcome PluginHarness::admit(const InstancePtr& instance, TestRequest& request) {
  require(instance->admitter, instance, "admitter");
  const epp_candidates all = impl_->stage(*request.impl_);
  Stage stage(request.context());
  CallOutcome outcome;
  stage.report(plugins::run_admitter(*instance, stage.call, all), outcome);
  return outcome;
}

CallOutcome PluginHarness::request_header(const InstancePtr& instance, TestRequest& request) {
  require(instance->request_header, instance, "request-header hook");
  Stage stage(request.context());
  CallOutcome outcome;
  stage.report(plugins::run_request_header(*instance, stage.call), outcome);
  request.context();
  return outcome;
}

CallOutcome PluginHarness::pre_request(const InstancePtr& instance, TestRequest& request) {
  require(instance->pre_request, instance, "pre-request hook");
  const epp_candidates all = impl_->stage(*request.impl_);
  Impl::Results results;
  impl_->fill(*request.impl_, all, results);
  Stage stage(request.context());
  CallOutcome outcome;
  stage.report(plugins::run_pre_request(*instance, stage.call, results.abi), outcome);
  return outcome;
}

void PluginHarness::response_header(const InstancePtr& instance, TestRequest& request, const TestResponse& response) {
  require(instance->response_header, instance, "response-header hook");
  const epp_response abi = impl_->response(*request.impl_, response);
  Stage stage(request.context());
  plugins::run_response_header(*instance, stage.call, abi);
}

void PluginHarness::response_body(const InstancePtr& instance, TestRequest& request, std::string_view chunk, bool end,
                                  const TestResponse& response) {
  require(instance->response_body, instance, "response-body hook");
  const epp_response abi = impl_->response(*request.impl_, response);
  Stage stage(request.context());
  plugins::run_response_body(*instance, stage.call, abi, {reinterpret_cast<const uint8_t*>(chunk.data()), chunk.size()},
                             end);
}

void PluginHarness::response_complete(const InstancePtr& instance, TestRequest& request, uint32_t cause,
                                      const TestResponse& response) {
  require(instance->response_complete, instance, "response-complete hook");
  const epp_response abi = impl_->response(*request.impl_, response);
  Stage stage(request.context());
  plugins::run_response_complete(*instance, stage.call, abi, cause);
}

std::string PluginHarness::bind_profiles(const InstancePtr& instance, std::vector<std::string> profiles) {
  require(instance->profile_handler, instance, "profile handler");
  if (instance->profile_handler->bind == nullptr) return {};
  std::vector<epp_str> names;
  for (const std::string& profile : profiles)
    names.push_back({profile.data(), profile.size()});
  plugins::ErrorBuffer error;
  const epp_status status = instance->profile_handler->bind(instance->raw(), names.data(), names.size(), error.abi());
  return status == EPP_OK ? std::string() : std::string(error.message());
}

PluginHarness::HandlerDecision PluginHarness::pick_profiles(const InstancePtr& instance, TestRequest& request) {
  require(instance->profile_handler, instance, "profile handler");
  const epp_candidates all = impl_->stage(*request.impl_);
  Impl::Results results;
  impl_->fill(*request.impl_, all, results);
  Stage stage(request.context());
  std::vector<uint32_t> decisions(results.items.size());
  HandlerDecision outcome;
  stage.report(plugins::run_handler_pick(*instance, stage.call, results.abi, decisions), outcome);
  for (size_t i = 0; i < decisions.size(); ++i) {
    if (decisions[i] == EPP_DECIDE_RUN) outcome.run.push_back(results.setups[i].profile);
    if (decisions[i] == EPP_DECIDE_SKIP) outcome.skip.push_back(results.setups[i].profile);
  }
  return outcome;
}

PluginHarness::HandlerResult PluginHarness::process_profiles(const InstancePtr& instance, TestRequest& request) {
  require(instance->profile_handler, instance, "profile handler");
  const epp_candidates all = impl_->stage(*request.impl_);
  Impl::Results results;
  impl_->fill(*request.impl_, all, results);
  Stage stage(request.context());
  std::vector<uint32_t> include;
  for (const epp_profile_result& item : results.items)
    include.push_back(item.state == EPP_PROFILE_SUCCEEDED ? 1 : 0);
  uint32_t primary = 0;
  HandlerResult outcome;
  const epp_status status = plugins::run_handler_process(*instance, stage.call, results.abi, primary, include);
  stage.report(status, outcome);
  if (status != EPP_OK) return outcome;
  if (primary >= results.setups.size()) throw std::runtime_error("the primary profile is out of range");
  outcome.primary = results.setups[primary].profile;
  for (size_t i = 0; i < include.size(); ++i) {
    if (include[i] != 0) outcome.included.push_back(results.setups[i].profile);
  }
  return outcome;
}

double PluginHarness::saturation(const InstancePtr& instance) {
  require(instance->detector, instance, "saturation detector");
  const epp_candidates all = impl_->candidates();
  plugins::ErrorBuffer error;
  return plugins::run_detector(*instance, all, error, std::numeric_limits<double>::quiet_NaN());
}

double PluginHarness::saturation(const InstancePtr& instance, const Reserved& reserved, uint64_t* again_ns) {
  require(instance->detector, instance, "saturation detector");
  const epp_candidates all = impl_->candidates();
  std::vector<uint32_t> unseen(all.slot_limit);
  for (const auto& [name, count] : reserved.unseen)
    unseen[impl_->slot(name)] = count;
  epp_reservations reservations{};
  reservations.size = sizeof reservations;
  reservations.undecided = reserved.undecided;
  reservations.undecided_tokens = reserved.undecided_tokens;
  reservations.unseen = reserved.unseen.empty() ? nullptr : unseen.data();
  plugins::ErrorBuffer error;
  uint64_t again = 0;
  const double saturation =
      plugins::run_detector(*instance, all, error, std::numeric_limits<double>::quiet_NaN(), &reservations, again);
  if (again_ns != nullptr) *again_ns = again;
  return saturation;
}

std::string PluginHarness::state(const InstancePtr& instance) {
  require(instance->state_dump, instance, "state dump");
  std::string text;
  plugins::ErrorBuffer error;
  const auto sink = [](void* context, epp_str piece) { static_cast<std::string*>(context)->append(view(piece)); };
  if (instance->state_dump->dump(instance->raw(), sink, &text, error.abi()) != EPP_OK) {
    throw std::runtime_error(std::string(error.message()));
  }
  return text;
}

bool PluginHarness::ready(const InstancePtr& instance) {
  require(instance->readiness, instance, "readiness check");
  return instance->readiness->ready(instance->raw()) != 0;
}

// ---- time, metrics, log ----

uint64_t PluginHarness::now_ns() const {
  return impl_->clock.now_ns();
}
void PluginHarness::advance_ns(uint64_t ns) {
  impl_->timers.advance(ns);
}
void PluginHarness::advance_seconds(double seconds) {
  impl_->timers.advance(static_cast<uint64_t>(seconds * 1e9));
}
size_t PluginHarness::timers() const {
  return impl_->timers.running();
}

std::optional<double> PluginHarness::metric(std::string_view name, std::vector<std::string> label_values) const {
  const FakeSeries* series = impl_->metrics.find(name, label_values);
  return series != nullptr ? std::optional(series->value()) : std::nullopt;
}

std::optional<PluginHarness::Distribution> PluginHarness::histogram(std::string_view name,
                                                                    std::vector<std::string> label_values) const {
  const FakeSeries* series = impl_->metrics.find(name, label_values);
  if (series == nullptr) return std::nullopt;
  return Distribution{series->count(), series->value()};
}

std::vector<std::string> PluginHarness::log_lines() const {
  return impl_->log.lines();
}

void PluginHarness::observe(plugins::CallObserver& observer) {
  impl_->environment.observer = &observer;
}

const plugins::Environment& PluginHarness::environment() const {
  return impl_->environment;
}
endpoints::EndpointTable& PluginHarness::table() {
  return impl_->table;
}
endpoints::AttributeRegistry& PluginHarness::attributes() {
  return impl_->attributes;
}

}  // namespace epp::testing
