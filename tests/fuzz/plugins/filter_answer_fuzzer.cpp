// Whatever a filter answers, what goes on is a subset of what it was given, each slot once.
#include "plugins/hooks.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace {

using namespace epp::plugins;

struct Input {
  const uint8_t* at;
  const uint8_t* end;
  uint8_t next() { return at != end ? *at++ : 0; }
};
Input g_input;

// Writes at most what it may, but says anything.
epp_status answer(const epp_instance*, const epp_request*, const epp_candidates* candidates, uint32_t* kept,
                  uint32_t* kept_count, epp_error*) {
  for (uint32_t i = 0; i < candidates->count; ++i)
    kept[i] = g_input.next() % 24u;
  *kept_count = g_input.next();
  return g_input.next() % 8u == 0 ? EPP_ERR_UNTYPED : EPP_OK;
}

const epp_filter kTable{sizeof(epp_filter), 0, &answer};

class FuzzedFilter final : public Instance {
 public:
  explicit FuzzedFilter(OnFault on_fault) {
    on_fault_ = on_fault;
    filter = &kTable;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  g_input = {data, data + size};
  std::vector<uint32_t> slots;
  for (uint32_t slot = 0; slot < 20; ++slot) {
    if (g_input.next() % 2u == 0) slots.push_back(slot);
  }
  epp_candidates candidates{};
  candidates.size = sizeof candidates;
  candidates.slots = slots.data();
  candidates.count = static_cast<uint32_t>(slots.size());
  candidates.slot_limit = 20;

  RequestContext request;
  ErrorBuffer error;
  CallTimer timer;
  Call call{request, error, timer};
  SlotSet scratch;
  const FuzzedFilter instance(g_input.next() % 2u == 0 ? OnFault::kReject : OnFault::kIgnore);
  std::vector<uint32_t> kept(slots.size());
  uint32_t count = 0;
  if (run_filter(instance, call, candidates, scratch, kept.data(), count) != EPP_OK) return 0;
  if (count > slots.size()) std::abort();
  std::vector<bool> given(20, false);
  for (const uint32_t slot : slots)
    given[slot] = true;
  for (uint32_t i = 0; i < count; ++i) {
    if (kept[i] >= given.size() || !given[kept[i]]) std::abort();
    given[kept[i]] = false;
  }
  return 0;
}
