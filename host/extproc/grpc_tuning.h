// What gRPC and Abseil must be told before they are first used.
#pragma once

namespace epp::extproc {

/// Process-wide and idempotent; without effect on a gRPC that is in use already. Server::start() does it, too late for
/// whoever has had a channel before. [main]
///
/// Chooses the `poll` strategy unless GRPC_POLL_STRATEGY is set: each polling thread then waits for the connections of
/// its own queue. With the default, `epoll1`, all polling threads share one epoll set, any of them takes any event, and
/// most events cost wake-ups of two threads: for a small request that was a quarter of its CPU time. The price is
/// linear in the connections of a queue; a proxy has few.
void tune_grpc();

}  // namespace epp::extproc
