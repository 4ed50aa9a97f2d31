// Flow-control policies for tests: instances over static C tables whose answers are functions of the test.
#pragma once

#include "plugins/instance.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <tuple>

namespace epp::flowcontrol::testing {

/// An instance without a library.
class TestPolicy : public plugins::Instance {
 public:
  explicit TestPolicy(std::string name);

 private:
  epp_instance abi_{};
};

/// The state of one band, kept from what the policy is told.
struct FairnessBand {
  virtual ~FairnessBand() = default;
  std::int32_t priority = 0;
  std::map<std::uint32_t, std::string> flows;  ///< by index
  std::map<std::string, std::int64_t> charged;
  virtual void changed(const epp_flow& flow) = 0;
  virtual std::uint32_t pick() = 0;
};

/// Told of and asked for bands; checks that events come in the order that fairness.h promises.
class TestFairness final : public TestPolicy {
 public:
  using MakeBand = std::function<std::unique_ptr<FairnessBand>()>;
  TestFairness(std::string name, MakeBand make);

  MakeBand make_band;
  /// Not set: the band's own pick. EPP_OK, an error, or a made-up flow.
  std::function<epp_status(FairnessBand&, std::uint32_t& flow)> on_pick;
  std::set<FairnessBand*> open;
  std::uint64_t picks = 0;
};

/// The smallest head of the band goes first.
std::shared_ptr<TestFairness> global_strict();
/// Each flow in turn, by id.
std::shared_ptr<TestFairness> round_robin();

/// By a key; optionally by a comparator.
class TestOrdering final : public TestPolicy {
 public:
  using Key = std::function<std::int64_t(const epp_queued_request&)>;
  using Before = std::function<bool(const epp_queued_request&, const epp_queued_request&)>;
  TestOrdering(std::string name, Key key, Before before = nullptr);

  Key on_key;
  Before on_before;
  bool fails = false;
};

std::shared_ptr<TestOrdering> first_come_first_served();
std::shared_ptr<TestOrdering> earliest_deadline_first();

class TestDetector final : public TestPolicy {
 public:
  using Saturation = std::function<double(const epp_candidates&, const epp_reservations&, std::uint64_t& again_ns)>;
  explicit TestDetector(Saturation saturation);

  Saturation on_saturation;
  std::uint64_t calls = 0;
};

class TestUsageLimits final : public TestPolicy {
 public:
  using Ceilings = std::function<void(double saturation, std::span<const std::int32_t> priorities,
                                      std::span<double> ceilings, std::uint64_t& again_ns)>;
  explicit TestUsageLimits(Ceilings ceilings);

  Ceilings on_ceilings;
  std::uint64_t calls = 0;
};

/// The same ceiling for every band.
std::shared_ptr<TestUsageLimits> ceiling_of(double ceiling);

}  // namespace epp::flowcontrol::testing
