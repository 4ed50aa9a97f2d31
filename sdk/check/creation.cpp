#include "check/creation.h"

#include "check/host_tables.h"
#include "check/watch.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace epp::check {

namespace {

// Of the instances that live: one list, as one stage is in a process.
std::mutex g_mutex;
std::vector<epp_self*> g_living;

}  // namespace

WatchedType::WatchedType(const epp_type& original, Stage& stage, bool judge_tables)
    : original_(original), stage_(stage), judge_tables_(judge_tables) {
  std::memcpy(&block_.type, &original, std::min<size_t>(original.size, sizeof(epp_type)));
  block_.type.size = sizeof(epp_type);
  block_.type.create = &WatchedType::create;
  block_.owner = this;
}

epp_status WatchedType::create(const epp_type* type, const epp_create_args* args, epp_instance** instance,
                               epp_error* error) {
  static_assert(offsetof(Block, type) == 0);
  return reinterpret_cast<const Block*>(type)->owner->run(*args, instance, error);
}

epp_status WatchedType::run(const epp_create_args& args, epp_instance** instance, epp_error* error) {
  self_ = args.self;
  Watch::get().born(self_);
  epp_create_args shown = args;
  shown.host = &watching_host(*args.host);
  const Watch::Scope scope(Doing::kCreate, "create");
  epp_status status = EPP_ERR_INTERNAL;
  try {
    status = original_.create(&original_, &shown, instance, NoErrorBuffer::active() ? nullptr : error);
  } catch (const std::exception& e) {
    stage_.channel().fail("calls.exception", stage_.type(), std::string("create threw: ") + e.what() + '.');
    return EPP_ERR_INTERNAL;
  } catch (...) {
    stage_.channel().fail("calls.exception", stage_.type(), "create threw.");
    return EPP_ERR_INTERNAL;
  }
  if (error != nullptr && error->message_size > error->message_capacity) {
    stage_.channel().fail("calls.error-text", stage_.type(), "create says that its message is longer than its buffer.");
  }
  if (status > 0 || status < EPP_ERR_UNTYPED) {
    stage_.channel().fail("calls.status", stage_.type(), "create answered status " + std::to_string(status) + '.');
  }
  if (status == EPP_OK && *instance != nullptr && judge_tables_) judge_tables(original_, **instance, stage_);
  return status;
}

void WatchedType::finished(bool taken) {
  if (self_ == nullptr) return;
  if (taken) {
    const std::scoped_lock lock(g_mutex);
    g_living.push_back(self_);
    return;
  }
  Watch::get().died(self_);
  if (const size_t timers = Watch::get().forget_timers(self_); timers != 0) {
    stage_.channel().fail("create.residue", stage_.type(),
                          "A refused create left " + std::to_string(timers) + " timers running.");
  }
}

// Every instance of the stage is destroyed at once: an instance that lives longer is not known to its users.
Destruction::Destruction(Stage& stage) : stage_(stage) {}

Destruction::~Destruction() {
  const std::scoped_lock lock(g_mutex);
  for (epp_self* self : g_living) {
    Watch::get().died(self);
    if (const size_t timers = Watch::get().forget_timers(self); timers != 0) {
      stage_.channel().fail("leaks.timers", stage_.type(),
                            std::to_string(timers) + " timers were not stopped when the instance was destroyed.");
    }
  }
  g_living.clear();
}

}  // namespace epp::check
