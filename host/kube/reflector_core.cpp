#include "kube/reflector_core.h"

#include "kube/object_reader.h"
#include "net/http_message.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace epp::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A watch that ends sooner and without an event was not worth its request.
constexpr seconds kShortestWatch{1};
// One that lasted as long shows that the server is well.
constexpr seconds kGoodWatch{5};
constexpr unsigned kVainWatches = 3;
constexpr seconds kYoungList{10};
// A watch is answered at once; no head means a connection that leads nowhere.
constexpr milliseconds kHeadPatience{10'000};
// A list in one is that much more work for the server than a page of it.
constexpr int kUnpagedFactor = 4;

bool is_expired(unsigned status, std::string_view reason) {
  return status == 410 || reason == "Expired" || reason == "Gone";
}

}  // namespace

ReflectorCore::ReflectorCore(ReflectorOptions options, ObjectSink& sink, ReflectorObserver* observer,
                             Backoff::Random random)
    : options_(std::move(options)),
      sink_(sink),
      observer_(observer),
      random_(std::move(random)),
      unreachable_(options_.first_wait, options_.longest_wait),
      refused_(options_.first_wait, options_.longest_refused_wait) {}

ReflectorCore::Ask ReflectorCore::start() {
  return ask_list(milliseconds(0));
}

// ---------------------------------------------------------------------------------------------------------------------
// What to ask

void ReflectorCore::add_selectors(std::string& query) const {
  if (!options_.field_selector.empty()) query += "&fieldSelector=" + net::escape_query(options_.field_selector);
  if (!options_.label_selector.empty()) query += "&labelSelector=" + net::escape_query(options_.label_selector);
}

ReflectorCore::Ask ReflectorCore::ask_list(milliseconds wait) {
  continue_.clear();
  items_ = 0;
  return ask_page(wait);
}

ReflectorCore::Ask ReflectorCore::ask_page(milliseconds wait) {
  is_watch_ = false;
  next_continue_.clear();
  list_version_.clear();
  splitter_.emplace(JsonSplitter::Shape::kList, options_.max_object_bytes, static_cast<JsonSplitter::Receiver&>(*this));
  Ask ask;
  ask.wait = wait;
  ask.timeout = options_.page_timeout * (paged_ ? 1 : kUnpagedFactor);
  // Without a resourceVersion the answer is the latest state: any older one could bring back what is gone.
  ask.query = paged_ ? "limit=" + std::to_string(options_.page_size) : std::string();
  if (!continue_.empty()) ask.query += "&continue=" + net::escape_query(continue_);
  add_selectors(ask.query);
  if (ask.query.starts_with('&')) ask.query.erase(0, 1);
  return ask;
}

ReflectorCore::Ask ReflectorCore::ask_watch(milliseconds wait) {
  is_watch_ = true;
  events_ = 0;
  stream_error_.reset();
  splitter_.emplace(JsonSplitter::Shape::kStream, options_.max_object_bytes,
                    static_cast<JsonSplitter::Receiver&>(*this));
  Ask ask;
  ask.watch = true;
  ask.wait = wait;
  ask.idle_timeout = options_.idle_timeout;
  ask.head_timeout = options_.idle_timeout.count() > 0 ? std::min(kHeadPatience, options_.idle_timeout) : kHeadPatience;
  // Ended by the server well before we would take it for dead.
  const double idle = std::chrono::duration<double>(options_.idle_timeout).count();
  const double length = options_.idle_timeout.count() > 0 ? idle * (0.5 + 0.25 * random_()) : 300 + 300 * random_();
  ask.query = "watch=1&resourceVersion=" + net::escape_query(version_) + "&allowWatchBookmarks=true&timeoutSeconds=" +
              std::to_string(static_cast<unsigned>(std::clamp(length, 1.0, 600.0)));
  add_selectors(ask.query);
  return ask;
}

ReflectorCore::Ask ReflectorCore::relist(std::string_view why, milliseconds wait) {
  vain_watches_ = 0;
  events_lost_ = false;
  paged_ = true;
  if (observer_ != nullptr) observer_->on_relist(options_.resource, why);
  return ask_list(wait);
}

// ---------------------------------------------------------------------------------------------------------------------
// How requests went

void ReflectorCore::opened(TimePoint now) {
  opened_at_ = now;
  if (is_watch_) {
    watching_ = true;
    if (observer_ != nullptr) observer_->on_watch_connected(options_.resource);
  } else if (continue_.empty()) {
    sink_.list_begin();
  }
}

bool ReflectorCore::data(std::string_view piece, TimePoint now) {
  const bool go_on = splitter_->feed(piece);
  if (std::exchange(unflushed_, false)) sink_.flush();
  const bool relist_now = is_watch_ && events_lost_ && now - listed_at_ >= kYoungList;
  return go_on && !relist_now;
}

ReflectorCore::Ask ReflectorCore::ended(const ApiResult& result, TimePoint now) {
  return is_watch_ ? watch_ended(result, now) : list_ended(result, now);
}

ReflectorCore::Ask ReflectorCore::faulted(std::string_view what, TimePoint now) {
  if (std::exchange(watching_, false) && observer_ != nullptr) observer_->on_watch_ended(options_.resource);
  return relist(what, failed({Trouble::kUnreachable, std::string(what)}, now));
}

ReflectorCore::Trouble ReflectorCore::trouble_of(unsigned status, std::string_view reason) {
  if (is_expired(status, reason)) return Trouble::kExpired;
  if (status == 404) return Trouble::kAbsent;
  return status >= 500 ? Trouble::kUnreachable : Trouble::kRefused;
}

ReflectorCore::Outcome ReflectorCore::judge(const ApiResult& result) {
  if (result.ok()) return {};
  if (result.error != net::NetError::kNone) return {Trouble::kUnreachable, result.describe()};
  return {trouble_of(result.status, result.reason), result.describe()};
}

milliseconds ReflectorCore::failed(const Outcome& outcome, TimePoint now) {
  Backoff& backoff = outcome.trouble == Trouble::kRefused ? refused_ : unreachable_;
  const milliseconds wait = backoff.next(now, random_);
  if (observer_ != nullptr) observer_->on_failed(options_.resource, outcome.text, wait);
  return wait;
}

ReflectorCore::Ask ReflectorCore::list_ended(const ApiResult& result, TimePoint now) {
  Outcome outcome = judge(result);
  const std::string what = "GET " + options_.path + ": ";
  if (splitter_->broken()) {
    outcome = {Trouble::kUnreachable, what + "the answer is no list"};
  } else if (outcome.trouble == Trouble::kNone && !splitter_->complete()) {
    outcome = {Trouble::kUnreachable, what + "the list is cut short"};
  } else if (outcome.trouble == Trouble::kNone && list_version_.empty()) {
    outcome = {Trouble::kUnreachable, what + "the list has no resourceVersion"};
  } else if (outcome.trouble == Trouble::kNone && !next_continue_.empty() && next_continue_ == continue_) {
    outcome = {Trouble::kUnreachable, what + "the list does not advance"};
  }
  switch (outcome.trouble) {
    case Trouble::kNone:
      if (next_continue_.empty()) return list_complete(now);
      continue_ = std::move(next_continue_);
      return ask_page(milliseconds(0));
    case Trouble::kExpired:
      if (!continue_.empty()) {
        if (observer_ != nullptr) observer_->on_relist(options_.resource, outcome.text);
        paged_ = false;
        return ask_list(milliseconds(0));
      }
      break;
    case Trouble::kAbsent:
      if (!std::exchange(absent_told_, true) && observer_ != nullptr) observer_->on_absent(options_.resource);
      return ask_list(milliseconds(static_cast<milliseconds::rep>(static_cast<double>(options_.absent_retry.count()) *
                                                                  (0.75 + 0.5 * random_()))));
    case Trouble::kUnreachable:
    case Trouble::kRefused:
      break;
  }
  paged_ = true;
  return ask_list(failed(outcome, now));
}

ReflectorCore::Ask ReflectorCore::list_complete(TimePoint now) {
  sink_.list_end();
  sink_.flush();
  synced_ = true;
  absent_told_ = false;
  paged_ = true;
  version_ = list_version_;
  listed_at_ = now;
  refused_.reset();
  if (observer_ != nullptr) observer_->on_listed(options_.resource, items_);
  return ask_watch(milliseconds(0));
}

ReflectorCore::Ask ReflectorCore::watch_ended(const ApiResult& result, TimePoint now) {
  const bool was_open = std::exchange(watching_, false);
  if (was_open && observer_ != nullptr) observer_->on_watch_ended(options_.resource);
  const auto lasted = was_open ? now - opened_at_ : TimePoint::duration(0);
  const bool vain = events_ == 0 && lasted < kShortestWatch;
  if (lasted >= kGoodWatch) {
    unreachable_.reset();
    refused_.reset();
  }
  if (!vain) vain_watches_ = 0;

  Outcome outcome = stream_error_ ? *stream_error_ : judge(result);
  if (events_lost_) {
    // Whether the watch was given up for this or ended by itself.
    const Outcome cause{Trouble::kUnreachable, "an event could not be read"};
    return relist(cause.text, vain ? failed(cause, now) : milliseconds(0));
  }
  if (outcome.trouble == Trouble::kNone && !splitter_->complete()) {
    outcome = {Trouble::kUnreachable, result.what + ": the watch ended inside an event"};
  } else if (outcome.trouble == Trouble::kNone && vain) {
    outcome = {Trouble::kUnreachable, result.what + ": the watch ended at once"};
  }
  switch (outcome.trouble) {
    case Trouble::kNone: {
      const milliseconds young = std::chrono::ceil<milliseconds>(kShortestWatch - lasted);
      return ask_watch(std::clamp(young, milliseconds(0), options_.first_wait));
    }
    case Trouble::kExpired:
    case Trouble::kAbsent:
      // The first time at once; a server that refuses what it has just listed is not well.
      return relist(outcome.text, now - listed_at_ < kShortestWatch ? failed(outcome, now) : milliseconds(0));
    case Trouble::kUnreachable:
    case Trouble::kRefused:
      break;
  }
  const milliseconds wait = failed(outcome, now);
  // An answer, and yet nothing comes of it: perhaps what we ask to go on from means nothing to this server. (A version
  // that it has not reached is a 504.)
  const bool answered = was_open || (result.status != 0 && result.status < 500) || result.status == 504;
  if (vain && answered && ++vain_watches_ >= kVainWatches) return relist(outcome.text, wait);
  return ask_watch(wait);
}

// ---------------------------------------------------------------------------------------------------------------------
// What answers say

bool ReflectorCore::on_value(std::string_view text) {
  return is_watch_ ? take_event(text) : take_item(text);
}

void ReflectorCore::on_metadata(std::string_view text) {
  std::string why;
  const auto metadata = read_object(text, why);
  if (!metadata) return;
  const Json wrapped{{"metadata", *metadata}};
  list_version_ = metadata_text(wrapped, "resourceVersion");
  next_continue_ = metadata_text(wrapped, "continue");
}

void ReflectorCore::on_skipped(std::string_view head, std::string_view why) {
  invalid(guess_name(head), "", why);
  if (is_watch_) events_lost_ = true;
}

void ReflectorCore::invalid(std::string_view object, std::string_view field, std::string_view text) {
  if (observer_ == nullptr) return;
  observer_->on_invalid(options_.resource, object, Invalid{std::string(field), std::string(text)});
}

bool ReflectorCore::named(const Json& object) {
  if (!metadata_text(object, "name").empty()) return true;
  invalid(object_key(object), "metadata.name", "must be a name");
  return false;
}

bool ReflectorCore::take_item(std::string_view text) {
  ++items_;
  std::string why;
  const auto object = read_object(text, why);
  if (!object) {
    invalid(guess_name(text.substr(0, 4096)), "", why);
  } else if (named(*object)) {
    sink_.item(*object);
  }
  return true;
}

bool ReflectorCore::take_event(std::string_view text) {
  std::string why;
  const auto event = read_event(text, why);
  if (!event) {
    invalid(guess_name(text.substr(0, 4096)), "", why);
    events_lost_ = true;
    return true;
  }
  const Json& object = *event->find("object");
  const EventType type = event_type(*event);
  if (type == EventType::kError) return take_error(object);
  ++events_;
  switch (type) {
    case EventType::kAdded:
    case EventType::kModified:
    case EventType::kDeleted:
      if (!named(object)) {
        events_lost_ = true;
        break;
      }
      if (type == EventType::kDeleted) {
        sink_.erase(object);
      } else {
        sink_.upsert(object);
      }
      unflushed_ = true;
      break;
    case EventType::kBookmark:
      break;
    case EventType::kError:
    case EventType::kUnknown:
      invalid(object_key(object), "type", "must be ADDED, MODIFIED, DELETED, BOOKMARK or ERROR");
      return true;
  }
  if (const auto version = metadata_text(object, "resourceVersion"); !version.empty()) version_ = version;
  return true;
}

bool ReflectorCore::take_error(const Json& status) {
  const auto member = [&](const char* name) { return status.find(name); };
  const auto text = [&](const char* name) {
    return member(name) != status.end() && member(name)->is_string() ? member(name)->get<std::string>() : std::string();
  };
  const auto code = member("code");
  const bool has_code = code != status.end() && code->is_number_unsigned() && code->get<std::uint64_t>() < 1000;
  const unsigned number = has_code ? code->get<unsigned>() : 500;
  stream_error_ = Outcome{trouble_of(number, text("reason")),
                          "ERROR event: " + std::to_string(number) + " " + text("reason") + ": " + text("message")};
  return false;
}

}  // namespace epp::kube
