// The inference objectives: what operators promise to requests that name one. Filled by discovery (a file today), read
// by the request path, and the source of the bands that flow control keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace epp::objectives {

// What a request gets by naming an objective.
struct Terms {
  std::int32_t priority = 0;  // its band; below 0: sheddable
  double weight = 1;          // > 0, finite: its flow's share within the band
  bool operator==(const Terms&) const = default;
};

struct Objective {
  std::string name;  // not empty
  Terms terms;
  // The priority was set. One that was not reads as 0 and asks for no band.
  bool has_band = true;
  bool operator==(const Objective&) const = default;
};

// Told which priorities operators have set: each once, highest first. Calls are serialised, on the thread that
// changed the table. A priority is told before the first find() that answers it and kept until after the last one, so
// that a band stands whenever a request asks for it. A listener must not change the table.
class PriorityListener {
 public:
  virtual ~PriorityListener() = default;
  virtual void on_priorities(std::span<const std::int32_t> priorities) = 0;
};

class ObjectiveTable {
 public:
  ObjectiveTable();
  ~ObjectiveTable();
  ObjectiveTable(const ObjectiveTable&) = delete;
  ObjectiveTable& operator=(const ObjectiveTable&) = delete;

  // The terms of the objective of this name; nullopt when there is none. [any thread, concurrent] One atomic read while
  // the table is empty, else a binary search under a lock that is held for nothing longer than that.
  [[nodiscard]] std::optional<Terms> find(std::string_view name) const;
  // Each priority once, highest first. [any thread, concurrent]
  [[nodiscard]] std::vector<std::int32_t> priorities() const;
  // All of them, by name. [any thread, concurrent]
  [[nodiscard]] std::vector<Objective> all() const;

  // Makes the set equal to `objectives` (names unique; of duplicates the last counts). False when it already was.
  // [any thread]
  bool replace(std::vector<Objective> objectives);

  // Adds a listener and tells it the present priorities. Listeners outlive their registration; removing one returns
  // after its last call. [any thread, but not from a listener]
  void add_listener(PriorityListener* listener);
  void remove_listener(PriorityListener* listener);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace epp::objectives
