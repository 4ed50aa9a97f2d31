/* Data keys that the host and its own plugins publish. Consumers declare them by these names, with the type that is
 * said here; where a producer can be chosen by parameter, the part after '/' is the producer instance's name. What a
 * key means does not change: another meaning is another key. */
#ifndef EPP_KEYS_H
#define EPP_KEYS_H

/* Scraped per endpoint, published together (type f64 unless noted; missing: never scraped or not exposed). */
#define EPP_KEY_WAITING_QUEUE_SIZE "WaitingQueueSize/core-metrics-extractor"       /* requests */
#define EPP_KEY_RUNNING_REQUESTS_SIZE "RunningRequestsSize/core-metrics-extractor" /* requests */
#define EPP_KEY_KV_CACHE_USAGE "KVCacheUsagePercent/core-metrics-extractor"        /* a fraction, 0..1 */
#define EPP_KEY_ACTIVE_MODELS "ActiveModels/core-metrics-extractor"                /* string list: loaded adapters */
#define EPP_KEY_WAITING_MODELS "WaitingModels/core-metrics-extractor"              /* string list */
#define EPP_KEY_MAX_ACTIVE_MODELS "MaxActiveModels/core-metrics-extractor"
#define EPP_KEY_CACHE_BLOCK_SIZE "CacheBlockSize/core-metrics-extractor" /* tokens per KV block */
#define EPP_KEY_CACHE_NUM_BLOCKS "CacheNumBlocks/core-metrics-extractor"
#define EPP_KEY_UPDATE_TIME "UpdateTime/core-metrics-extractor" /* i64: host clock ns of the last good scrape */

/* Request scope, by token-producer. */
#define EPP_KEY_TOKENIZED_PROMPT "TokenizedPrompt/token-producer"            /* u32 list: ids of all prompts */
#define EPP_KEY_TOKENIZED_PROMPT_ENDS "TokenizedPrompt/token-producer#ends"  /* u32 list: end offset of each prompt */
#define EPP_KEY_TOKENIZED_FEATURES "TokenizedPrompt/token-producer#features" /* bytes: epp_mm_feature[], in order */
#define EPP_KEY_TOKENIZED_SALT "TokenizedPrompt/token-producer#cache_salt"   /* str */

/* Per endpoint and request, by a prefix producer; i64. */
#define EPP_KEY_PREFIX_MATCH_TYPE "PrefixCacheMatchInfoDataKey"
#define EPP_KEY_PREFIX_MATCH "PrefixCacheMatchInfoDataKey/approx-prefix-cache-producer"
#define EPP_FIELD_PREFIX_MATCH_BLOCKS "#match_blocks"
#define EPP_FIELD_PREFIX_TOTAL_BLOCKS "#total_blocks"
#define EPP_FIELD_PREFIX_BLOCK_SIZE "#block_size_tokens"
#define EPP_FIELD_PREFIX_CACHED_BLOCKS "#cached_block_count"

/* By inflight-load-producer: live counters (i64), and per request the tokens this request would add (i64). */
#define EPP_KEY_INFLIGHT_LOAD_TYPE "InFlightLoadDataKey"
#define EPP_KEY_INFLIGHT_LOAD "InFlightLoadDataKey/inflight-load-producer"
#define EPP_FIELD_INFLIGHT_REQUESTS "#requests"
#define EPP_FIELD_INFLIGHT_TOKENS "#tokens"
#define EPP_KEY_UNCACHED_TOKENS_TYPE "UncachedRequestTokensDataKey"
#define EPP_KEY_UNCACHED_TOKENS "UncachedRequestTokensDataKey/inflight-load-producer"
#define EPP_FIELD_UNCACHED_TOKENS "#tokens"

/* Per endpoint and request, by a latency predictor; i64, 0 or 1: the prediction meets the request's objective. */
#define EPP_KEY_LATENCY_PREDICTION_TYPE "LatencyPredictionInfoDataKey"
#define EPP_KEY_LATENCY_PREDICTION "LatencyPredictionInfoDataKey/predicted-latency-producer"
#define EPP_FIELD_LATENCY_TTFT_VALID "#ttft_valid"
#define EPP_FIELD_LATENCY_TPOT_VALID "#tpot_valid"

#include <stdint.h>

/* One that is not known is some other kind of item. */
#define EPP_MODALITY_IMAGE 1u
#define EPP_MODALITY_VIDEO 2u
#define EPP_MODALITY_AUDIO 3u

/* One multimodal item of a tokenized prompt. Frozen; 8-byte aligned in its attribute. */
typedef struct epp_mm_feature {
  uint32_t prompt;   /* 0-based */
  uint32_t modality; /* EPP_MODALITY_* */
  uint32_t offset;   /* first placeholder token, within its prompt */
  uint32_t length;   /* placeholder tokens */
  uint64_t hash;     /* equal for equal content; not the model server's name of it */
} epp_mm_feature;

#endif
