#include "check/checks.h"

#include "check/finding.h"

#include <algorithm>
#include <array>

namespace epp::check {

namespace {

constexpr std::array kChecks = std::to_array<Check>({
    {"run.crash", Group::kEvery, "nothing ended the process",
     "Find it with a debugger or --sanitize; the step is named above."},
    {"run.hang", Group::kEvery, "every step came to its end", "Nothing may wait or loop without an end in a call."},

    {"elf.exports", Group::kElf, "exports epp_plugin_entry and nothing else",
     "Link with the version script epp-plugin.map, compile with -fvisibility=hidden."},
    {"elf.unique-symbols", Group::kElf, "no GNU unique symbols",
     "They keep the library mapped for ever: compile with -fno-gnu-unique or hide them."},
    {"elf.nodelete", Group::kElf, "may be unloaded", "Link without -z nodelete."},
    {"elf.fast-math", Group::kElf, "not linked with -ffast-math",
     "Its start-up code changes the arithmetic of the whole host: drop -ffast-math and -Ofast from the link."},
    {"elf.thread-locals", Group::kElf, "no thread-locals with destructors",
     "Each thread that used one keeps the library mapped until it ends: prefer members of the instance."},
    {"elf.writable-code", Group::kElf, "no executable stack, no relocations in code",
     "Build with -fPIC and without executable stacks (-z noexecstack)."},

    {"load.open", Group::kLoad, "loads as the host loads it", "The host would refuse this file with the same words."},
    {"load.exposure", Group::kLoad, "only its owner may write to it",
     "The host loads it only with a pinned sha256: take away the write permission (chmod go-w)."},
    {"load.descriptor", Group::kLoad, "types are well described", "Correct the epp_type; see epp/abi.h."},
    {"load.schema", Group::kLoad, "parameter schemas are draft-07 and their defaults satisfy them",
     "Correct parameters_schema."},

    {"create.instance", Group::kCreate, "instances are made",
     "create must accept the defaults, or what its schema asks for; give others with --parameters."},
    {"create.parameters", Group::kCreate, "accepts what its schema accepts",
     "Say the constraint in parameters_schema, so that users see it before the host starts."},
    {"create.refusal", Group::kCreate, "refuses bad parameters with a message",
     "create must answer EPP_ERR_BAD_REQUEST and a message, whatever the text."},
    {"create.tables", Group::kCreate, "function tables are whole and constant",
     "Compare the table with its header under epp/ext."},
    {"create.residue", Group::kCreate, "nothing is left of refused and destroyed instances",
     "Undo on error what create did; end in destroy what create began."},

    {"calls.exception", Group::kCalls, "no exception left the library",
     "Catch everything at the boundary and answer a status."},
    {"calls.status", Group::kCalls, "answers known statuses", "Answer EPP_OK or one of EPP_ERR_*; see epp/abi.h."},
    {"calls.errors", Group::kCalls, "does not fail on unusual input",
     "Missing values, no endpoints and empty requests are normal: answer something neutral."},
    {"calls.error-text", Group::kCalls, "error texts stay within their buffers",
     "Write at most message_capacity and reason_capacity bytes, and accept a NULL error."},
    {"calls.nan", Group::kCalls, "every number is one", "Give missing and infinite readings a value of your choice."},
    {"calls.range", Group::kCalls, "numbers are within their range", "The header of the extension names the range."},
    {"calls.index", Group::kCalls, "slots, positions, flows and spans are among those given, each once",
     "Filters answer slots, pickers answer positions; see the header of the extension."},
    {"calls.bounds", Group::kCalls, "writes only where it was told to",
     "Write at most candidates->count elements, and nothing into the input."},
    {"calls.order", Group::kCalls, "orders are consistent",
     "`before` is a strict weak order; a key does not change while its request waits."},
    {"calls.scope", Group::kCalls, "touches only what it declared, where it may",
     "Declare the attribute in create; change headers and metadata only in the hooks that may."},
    {"calls.contract", Group::kCalls, "calls the host where it may",
     "declare, parameters and metric families are for create alone; nothing is for after destroy."},
    {"calls.text", Group::kCalls, "state dumps are JSON of modest size", "Give one JSON value of at most 100 entries."},
    {"calls.metrics", Group::kCalls, "metrics get finite numbers, counters only grow",
     "Do not set NaN or add what is negative to a counter."},
    {"calls.blocking", Group::kCalls, "no call waits",
     "Do not sleep, wait or do I/O in a call: an asynchronous producer or a thread of its own may."},
    {"calls.slow", Group::kCalls, "every call is quick", "Calls are microseconds: compute less, or elsewhere."},

    {"threads.concurrent", Group::kThreads, "holds up under calls from many threads",
     "Functions marked [concurrent] run at once for one instance: lock, or do not share."},

    {"leaks.memory", Group::kLeaks, "memory does not grow from request to request",
     "Find it with --sanitize or a heap profiler; bound what is remembered."},
    {"leaks.timers", Group::kLeaks, "every timer was stopped", "Stop timers in destroy at the latest."},
    {"leaks.tokens", Group::kLeaks, "every pending token was completed",
     "Complete each token within the time limit, also when the work failed."},
    {"leaks.series", Group::kLeaks, "the number of metric series is bounded",
     "Do not label by request; remove the series of an endpoint when it goes."},
    {"leaks.request-state", Group::kLeaks, "state of a request has a drop function",
     "Give set_state a drop: requests may end at any time."},
    {"leaks.live-counters", Group::kLeaks, "live counters return to zero",
     "Give back in response-complete what pre-request took, with the same slot and uid."},
    {"leaks.descriptors", Group::kLeaks, "no file descriptor was left open", "Close in destroy what create opened."},

    {"unload.unmaps", Group::kUnload, "is gone after it was unloaded",
     "The host can live with it, but keeps the code for ever."},
    {"unload.threads", Group::kUnload, "no thread was left running",
     "Join every thread in destroy: code that runs after unloading crashes the host."},
    {"unload.growth", Group::kUnload, "loading again and again costs nothing",
     "Free in destroy and deinit what create and init allocated."},

    {"process.floating-point", Group::kEvery, "floating-point control is as it was",
     "Do not link with -ffast-math, do not touch MXCSR or FPCR."},
    {"process.signals", Group::kEvery, "signal handlers and mask are as they were", "Signals are the host's."},
    {"process.locale", Group::kEvery, "the locale is as it was",
     "Use functions that take a locale; the process's is the host's."},
    {"process.directory", Group::kEvery, "the working directory is as it was", "Use absolute paths."},
    {"process.environment", Group::kEvery, "the environment is as it was",
     "setenv is not safe in a process with threads."},
    {"process.umask", Group::kEvery, "the umask is as it was", "Give permissions to each file instead."},
    {"process.fork", Group::kEvery, "did not fork", "A process with threads must not fork."},

    {"sanitize.errors", Group::kEvery, "the sanitizer found nothing", "Its report stands on the standard error."},
    {"sanitize.leaks", Group::kLeaks, "the sanitizer found no leak", "Its report stands on the standard error."},
});

}  // namespace

std::span<const Check> all_checks() {
  return kChecks;
}

const Check* find_check(std::string_view id) {
  const auto at = std::find_if(kChecks.begin(), kChecks.end(), [id](const Check& check) { return check.id == id; });
  return at != kChecks.end() ? &*at : nullptr;
}

std::string_view to_string(Group group) {
  static constexpr std::array<std::string_view, 8> kNames = {"elf",     "load",  "create", "calls",
                                                             "threads", "leaks", "unload", "every"};
  return kNames[static_cast<size_t>(group)];
}

std::string_view to_string(Verdict verdict) {
  static constexpr std::array<std::string_view, 4> kNames = {"ok", "skipped", "warning", "FAIL"};
  return kNames[static_cast<size_t>(verdict)];
}

}  // namespace epp::check
