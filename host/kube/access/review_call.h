// One kind of review: remembered, asked once for all who want the same at the same time, and asked again when the API
// server is not well.
#pragma once

#include "kube/access/access_reviewer.h"
#include "kube/access/expiring_cache.h"
#include "net/timer.h"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace epp::kube {

// The SHA-256 of `text`, 32 bytes: what stands for a token in memory.
[[nodiscard]] std::string digest(std::string_view text);

// Whether asking once more may help: no answer, 429, 5xx.
[[nodiscard]] bool is_passing(const ApiResult& result);

// The wait after the attempt-th failure (from 1): first_wait x 1.5 each, longer by up to a fifth. `random` in [0, 1).
[[nodiscard]] std::chrono::milliseconds review_wait(std::chrono::milliseconds first_wait, unsigned attempt,
                                                    double random);

template <class Answer>
class ReviewCall : public std::enable_shared_from_this<ReviewCall<Answer>> {
 public:
  using Callback = std::function<void(const std::optional<Answer>&)>;  // nothing: the call failed
  using Clock = std::chrono::steady_clock;

  struct Kind {
    std::string path;
    std::optional<Answer> (*read)(const std::string& body, std::string& why) = nullptr;
    std::function<std::chrono::milliseconds(const Answer&)> ttl;  // 0: not remembered
  };

  ReviewCall(Client& client, net::IoPool& pool, const ReviewerOptions& options, Kind kind)
      : client_(client), pool_(pool), options_(options), kind_(std::move(kind)), cache_(options.max_entries) {}

  // `key` stands for `body`. The callback runs inside this call when the answer is remembered, or when too many
  // different questions are under way.
  void ask(const std::string& key, std::string body, Callback callback) {
    std::optional<Answer> known;
    {
      const std::lock_guard lock(mutex_);
      known = cache_.get(key, Clock::now());
      if (!known) {
        if (const auto found = open_.find(key); found != open_.end()) {
          found->second->waiting.push_back(std::move(callback));
          return;
        }
        if (!stopped_ && open_.size() < options_.max_open) {
          auto question = std::make_shared<Question>(pool_, std::move(body));
          question->waiting.push_back(std::move(callback));
          open_.emplace(key, question);
          send(key, question);
          return;
        }
      }
    }
    callback(known);
  }

  // Nobody is called any more, but for calls that have begun.
  void stop() {
    Questions open;  // ends after the lock: timers that run are waited for
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    open.swap(open_);
  }

 private:
  struct Question {
    Question(net::IoPool& pool, std::string text) : body(std::move(text)), retry(pool) {}
    const std::string body;
    std::vector<Callback> waiting;
    unsigned attempts = 0;
    net::Timer retry;
  };
  using QuestionPtr = std::shared_ptr<Question>;
  using Questions = std::unordered_map<std::string, QuestionPtr>;

  // Under the mutex.
  void send(const std::string& key, const QuestionPtr& question) {
    ++question->attempts;
    ApiRequest request;
    request.method = "POST";
    request.path = kind_.path;
    request.body = question->body;
    request.timeout = options_.timeout;
    request.total_timeout = options_.timeout;
    client_.send(std::move(request), [weak = this->weak_from_this(), key, question](const ApiResult& result) {
      if (const auto self = weak.lock()) self->on_result(key, question, result);
    });
  }

  void on_result(const std::string& key, const QuestionPtr& question, const ApiResult& result) {
    std::optional<Answer> answer;
    std::string why = result.ok() ? std::string() : result.describe();
    if (result.ok()) answer = kind_.read(result.body, why);
    if (options_.on_call) options_.on_call(answer ? std::string_view() : std::string_view(why));
    std::vector<Callback> waiting;
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      if (!answer && is_passing(result) && question->attempts < options_.attempts) {
        again(key, question);
        return;
      }
      if (answer) {
        const std::chrono::milliseconds ttl = kind_.ttl(*answer);
        if (ttl.count() > 0) cache_.put(key, *answer, Clock::now() + ttl);
      }
      waiting = std::move(question->waiting);
      open_.erase(key);
    }
    for (const Callback& callback : waiting)
      callback(answer);
  }

  // Under the mutex.
  void again(const std::string& key, const QuestionPtr& question) {
    const double random = std::uniform_real_distribution<double>(0, 1)(random_);
    question->retry.once(review_wait(options_.first_wait, question->attempts, random),
                         [weak = this->weak_from_this(), key, weak_question = std::weak_ptr(question)] {
                           const auto self = weak.lock();
                           const auto open = weak_question.lock();
                           if (!self || !open) return;
                           const std::lock_guard lock(self->mutex_);
                           if (!self->stopped_) self->send(key, open);
                         });
  }

  Client& client_;
  net::IoPool& pool_;
  const ReviewerOptions options_;
  const Kind kind_;

  std::mutex mutex_;  // guards the rest
  ExpiringCache<Answer> cache_;
  Questions open_;
  std::minstd_rand random_{std::random_device{}()};
  bool stopped_ = false;
};

}  // namespace epp::kube
