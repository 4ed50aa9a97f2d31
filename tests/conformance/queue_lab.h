// An EPP with flow control, whose pool and objectives the test decides.
#pragma once

#include "conformance/lab.h"
#include "conformance/pending.h"
#include "support/metrics_text.h"
#include "support/pool_file.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace epp::conformance {

struct QueueOptions {
  int max_concurrency = 1;                        // of the concurrency-detector
  std::string plugins = {};                       // further items of `plugins`, YAML, a line each
  std::string settings = {};                      // further fields of `flowControl`, YAML, a line each, indented by two
  std::vector<int> priorities = {};               // each has an objective, see at_priority()
  std::string detector = "concurrency-detector";  // or another instance in `plugins`
  bool gate = true;
  std::vector<testing::PoolEndpoint> endpoints = {{.name = "e1", .address = "127.1.0.1"}};
  Flags flags = {};
};

// The text of that configuration; `more_plugins` as `plugins` above. Discovery is left to the caller.
std::string queue_config(const QueueOptions& options, const std::string& more_plugins = {});

// A request that names the objective of `priority` (0: none) and a fairness id ("": none).
Request at_priority(int priority, const std::string& fairness_id = {});
// A completion request with a body of exactly so many bytes.
Request of_bytes(std::size_t bytes);

class QueueLab {
 public:
  explicit QueueLab(const QueueOptions& options = {});

  EppServer& epp() const { return *epp_; }
  const Client& client() const { return *client_; }
  void set_endpoints(const std::vector<testing::PoolEndpoint>& endpoints);

  std::unique_ptr<Pending> ask(const Request& request = {}, const Pending::Then& then = {}) const;
  // A request that was let through and now keeps its place. Throws if it was not.
  std::unique_ptr<Pending> hold(const Request& request = {}) const;
  // A request that is in the queue now, behind those that were there. Throws if it is not.
  std::unique_ptr<Pending> queue(const Request& request = {}, const Pending::Then& then = {}) const;

  // Sum over the series of llm_d_epp_flow_control_<name> with these labels; nothing if there are none.
  std::optional<double> metric(const std::string& name, const testing::Labels& labels = {}) const;
  bool becomes(const std::string& name, const testing::Labels& labels, std::optional<double> value) const;
  // Requests that wait.
  double queued() const;

  // Queues these behind a held request, lets that go, and gives each one's place back as soon as it has it: their names
  // in the order in which they were let through.
  std::vector<std::string> order_of_service(const std::vector<std::pair<std::string, Request>>& requests);

 private:
  testing::PoolFile file_;
  std::vector<testing::PoolObjective> objectives_;
  std::unique_ptr<EppServer> epp_;
  std::unique_ptr<Client> client_;
};

// Whether an answer is this refusal.
::testing::AssertionResult refused(const Decision& decision, int status, const std::string& reason,
                                   const std::string& body);

}  // namespace epp::conformance
