// create.*: instances from every kind of parameters, and what is left of them.
#include "check/creation.h"
#include "check/groups.h"
#include "check/parameter_sets.h"
#include "check/process_state.h"
#include "check/stage.h"

#include <stdexcept>
#include <string>
#include <string_view>

namespace epp::check {

namespace {

std::string_view schema_of(const Stage& stage) {
  const epp_str text = stage.descriptor()->parameters_schema;
  return {text.data, static_cast<size_t>(text.size)};
}

class CreateCheck {
 public:
  CreateCheck(const Options& options, const std::string& type, Channel& channel)
      : options_(options), type_(type), channel_(channel), stage_(options, channel, type) {}

  void run() {
    std::string error;
    if (!stage_.load(error)) throw std::runtime_error(error);
    given();
    generated();
    bad();
    without_error_buffer();
    channel_.step(type_, "unloading the library");
    stage_.unload();
  }

 private:
  // Makes and destroys one.
  bool try_once(const std::string& what, const std::string& text, std::string& error) {
    channel_.step(type_, "create with " + what);
    plugins::InstancePtr instance = stage_.create(text, error, !tables_judged_);
    if (instance == nullptr) return false;
    tables_judged_ = true;
    channel_.step(type_, "destroy after create with " + what);
    stage_.destroy(instance);
    return true;
  }

  void given() {
    if (options_.parameters.empty()) return;
    std::string text;
    std::string error;
    if (!accepted(schema_of(stage_), options_.parameters, text, error) ||
        !try_once("the given parameters", text, error)) {
      channel_.fail("create.instance", type_, "Was refused with the given parameters: " + error + '.');
      return;
    }
    made_ = true;
  }

  void generated() {
    size_t refused = 0;
    std::string first;
    const std::vector<ParameterSet> sets = good_parameters(schema_of(stage_));
    for (const ParameterSet& set : sets) {
      std::string error;
      if (try_once(set.what, set.text, error)) {
        made_ = true;
        continue;
      }
      if (++refused == 1) first = set.what + " (" + set.text.substr(0, 200) + "): " + error;
    }
    if (!made_) {
      channel_.fail(
          "create.instance", type_,
          sets.empty() ? "No parameters were found that its schema accepts." : "Was refused with " + first + '.');
    } else if (refused != 0) {
      channel_.note("create.parameters", type_,
                    "Refused " + std::to_string(refused) + " of " + std::to_string(sets.size()) +
                        " parameters that its schema accepts, with a message; " + first + '.');
    }
  }

  // The host checks parameters before create sees them; whoever relies on that alone is one host's fault away from a
  // crash. So these come without the schema.
  void bad() {
    Random random(options_.seed);
    for (const ParameterSet& set : bad_parameters(schema_of(stage_), random)) {
      std::string error;
      channel_.step(type_, "create with " + set.what + ": " + set.text.substr(0, 200));
      plugins::InstancePtr instance = stage_.create(set.text, error);
      if (instance != nullptr) {
        stage_.destroy(instance);
      } else if (error == "create failed without a message") {
        channel_.fail("create.refusal", type_, "Refused " + set.what + " without a message.");
      }
    }
  }

  // Every error argument may be NULL.
  void without_error_buffer() {
    channel_.step(type_, "create without an error buffer");
    const size_t threads = running_threads();
    for (const char* text : {"{}", R"({"no-such-parameter": [1, {"a": "b"}]})"}) {
      std::string error;
      NoErrorBuffer no_buffer;
      plugins::InstancePtr instance = stage_.create(text, error);
      if (instance != nullptr) stage_.destroy(instance);
    }
    if (running_threads() > threads) {
      channel_.fail("create.residue", type_, "Threads that create started still run after destroy.");
    }
  }

  const Options& options_;
  const std::string& type_;
  Channel& channel_;
  Stage stage_;
  bool made_ = false;
  bool tables_judged_ = false;
};

}  // namespace

void check_create(const Options& options, const std::string& type, Channel& channel) {
  CreateCheck(options, type, channel).run();
}

}  // namespace epp::check
