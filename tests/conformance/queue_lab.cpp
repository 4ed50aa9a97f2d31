#include "conformance/queue_lab.h"

#include "support/wait.h"

#include <cmath>
#include <mutex>
#include <stdexcept>

namespace epp::conformance {
namespace {

constexpr const char* kReason = "x-llm-d-request-dropped-reason";

std::string objective_of(int priority) {
  return "p" + std::to_string(priority);
}

}  // namespace

// The profile is explicit: else every detector would be one of its filters as well.
std::string queue_config(const QueueOptions& options, const std::string& more_plugins) {
  return std::string(options.gate ? "featureGates: [flowControl]\n" : "") +
         "plugins:\n- {type: max-score-picker}\n- {type: concurrency-detector, parameters: {maxConcurrency: " +
         std::to_string(options.max_concurrency) + "}}\n" + options.plugins + more_plugins +
         "schedulingProfiles: [{name: default, plugins: [{pluginRef: max-score-picker}]}]\n" +
         "flowControl:\n  saturationDetector: {pluginRef: " + options.detector + "}\n" + options.settings;
}

Request at_priority(int priority, const std::string& fairness_id) {
  Request request;
  if (priority != 0) request.headers.emplace_back("x-llm-d-inference-objective", objective_of(priority));
  if (!fairness_id.empty()) request.headers.emplace_back("x-llm-d-inference-fairness-id", fairness_id);
  return request;
}

Request of_bytes(std::size_t bytes) {
  const std::string head = R"({"model":"m","prompt":")";
  const std::string tail = "\"}";
  return {.body = head + std::string(bytes - head.size() - tail.size(), 'x') + tail};
}

QueueLab::QueueLab(const QueueOptions& options) {
  for (const int priority : options.priorities)
    objectives_.push_back({.name = objective_of(priority), .priority = priority});
  set_endpoints(options.endpoints);
  Flags flags = with(
      queue_config(options, "- " + file_.plugin() + "\n") + "dataLayer: {discovery: {pluginRef: file-discovery}}\n",
      {"--pool-name=p"});
  flags.insert(flags.end(), options.flags.begin(), options.flags.end());
  epp_ = std::make_unique<EppServer>(testing::EppOptions{.arguments = flags});
  client_ = std::make_unique<Client>(epp_->grpc_port());
}

void QueueLab::set_endpoints(const std::vector<testing::PoolEndpoint>& endpoints) {
  file_.write(endpoints, objectives_);
}

std::unique_ptr<Pending> QueueLab::ask(const Request& request, const Pending::Then& then) const {
  return std::make_unique<Pending>(*client_, request, then);
}

std::unique_ptr<Pending> QueueLab::hold(const Request& request) const {
  auto pending = ask(request);
  const Decision& decision = pending->decision();
  if (decision.status != 200) throw std::runtime_error(std::to_string(decision.status) + " " + decision.body);
  return pending;
}

std::unique_ptr<Pending> QueueLab::queue(const Request& request, const Pending::Then& then) const {
  const double before = queued();
  auto pending = ask(request, then);
  if (!testing::wait_until([&] { return queued() > before || pending->decided_within({}); }) ||
      pending->decided_within({})) {
    throw std::runtime_error("the request does not wait");
  }
  return pending;
}

std::optional<double> QueueLab::metric(const std::string& name, const testing::Labels& labels) const {
  return testing::sample_sum(epp_->metrics(), "llm_d_epp_flow_control_" + name, labels);
}

bool QueueLab::becomes(const std::string& name, const testing::Labels& labels, std::optional<double> value) const {
  return testing::wait_until([&] {
    const std::optional<double> now = metric(name, labels);
    return value ? now && std::abs(*now - *value) < 1e-9 : !now;
  });
}

double QueueLab::queued() const {
  return metric("queue_size").value_or(0);
}

std::vector<std::string> QueueLab::order_of_service(const std::vector<std::pair<std::string, Request>>& requests) {
  std::mutex mutex;
  std::vector<std::string> order;
  const auto held = hold();
  std::vector<std::unique_ptr<Pending>> waiting;
  for (const auto& [name, request] : requests) {
    waiting.push_back(queue(request, [&mutex, &order, name = name](Pending& pending) {
      {
        const std::lock_guard lock(mutex);
        order.push_back(name);
      }
      pending.finish();
    }));
  }
  held->finish();
  for (const auto& pending : waiting)
    pending->decision();
  waiting.clear();  // Joins, so that the list is complete.
  return order;
}

::testing::AssertionResult refused(const Decision& decision, int status, const std::string& reason,
                                   const std::string& body) {
  const std::string said = value_of(decision.headers, kReason);
  if (decision.status == status && said == reason && decision.body == body) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << decision.status << ", reason '" << said << "', body '" << decision.body
                                       << "'";
}

}  // namespace epp::conformance
