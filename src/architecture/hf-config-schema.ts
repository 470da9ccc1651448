/**
 * What a `config.json` of the V2 and V3 classes may say: the keys that shape the model, the values that this
 * implementation has, and the keys that say nothing about the architecture.
 *
 * A key in none of these lists is refused: a setting is never ignored silently. Sources: the released config files of
 * DeepSeek-V2, V2-Lite, V3, Moonlight and Kimi-K2; the configuration classes of `transformers`.
 */
import { z } from 'zod'

/** Model types that are V3's class under another name. */
const v3ModelTypes = ['deepseek_v3', 'kimi_k2', 'glm4_moe_lite'] as const
export const v2ModelTypes = ['deepseek_v2'] as const

const scaling = z.strictObject({
  type: z.enum(['yarn', 'default']).optional(),
  rope_type: z.enum(['yarn', 'default']).optional(),
  factor: z.number().optional(),
  beta_fast: z.number().default(32),
  beta_slow: z.number().default(1),
  mscale: z.number().optional(),
  mscale_all_dim: z.number().default(0),
  original_max_position_embeddings: z.number().optional(),
  attention_factor: z.null().optional(),
  truncate: z.literal(true).optional(),
  rope_theta: z.number().optional(),
  partial_rotary_factor: z.literal(1).optional(),
})

/** The keys that shape the model. Ranges are checked on the result, by the rules of `check-config.ts`. */
export const hfConfigSchema = z.object({
  model_type: z.enum([...v3ModelTypes, ...v2ModelTypes]),
  vocab_size: z.number(),
  hidden_size: z.number(),
  num_hidden_layers: z.number(),
  first_k_dense_replace: z.number(),
  num_attention_heads: z.number(),
  num_key_value_heads: z.number().optional(),
  q_lora_rank: z.number().nullable(),
  kv_lora_rank: z.number(),
  qk_nope_head_dim: z.number(),
  qk_rope_head_dim: z.number(),
  v_head_dim: z.number(),
  qk_head_dim: z.number().optional(),
  head_dim: z.number().optional(),
  intermediate_size: z.number(),
  moe_intermediate_size: z.number(),
  n_routed_experts: z.number(),
  n_shared_experts: z.number().nullable(),
  num_experts_per_tok: z.number(),
  n_group: z.number().nullish(),
  topk_group: z.number().nullish(),
  scoring_func: z.enum(['sigmoid', 'softmax']).optional(),
  topk_method: z.enum(['noaux_tc', 'group_limited_greedy', 'greedy']).optional(),
  norm_topk_prob: z.boolean().optional(),
  routed_scaling_factor: z.number(),
  num_nextn_predict_layers: z.number().default(0),
  rope_theta: z.number().optional(),
  rope_scaling: scaling.nullish(),
  rope_parameters: scaling.nullish(),
  max_position_embeddings: z.number(),
  rms_norm_eps: z.number(),
  initializer_range: z.number().default(0.02),
  // Settings with one value here: another one would be another model.
  hidden_act: z.literal('silu').default('silu'),
  attention_bias: z.literal(false).default(false),
  mlp_bias: z.literal(false).default(false),
  attention_dropout: z.literal(0).default(0),
  tie_word_embeddings: z.literal(false).default(false),
  moe_layer_freq: z.literal(1).default(1),
  rope_interleave: z.literal(true).default(true),
  partial_rotary_factor: z.literal(1).default(1),
  add_cross_attention: z.literal(false).default(false),
  is_encoder_decoder: z.literal(false).default(false),
})

export type HfConfig = z.infer<typeof hfConfigSchema>

/**
 * Keys that do not change what the model computes from its weights: names, tokens, how it was trained or is stored, and the
 * defaults of generation that older files carry. How weights are quantised is read from the tensors themselves.
 */
export const irrelevantKeys: ReadonlySet<string> = new Set(
  `architectures auto_map _name_or_path name_or_path transformers_version tokenizer_class model_max_length
  torch_dtype dtype use_bfloat16 torchscript quantization_config use_cache gradient_checkpointing pretraining_tp ep_size
  aux_loss_alpha seq_aux router_aux_loss_coef output_router_logits _attn_implementation_autoset attn_implementation
  bos_token_id eos_token_id pad_token_id unk_token_id sep_token_id decoder_start_token_id prefix
  return_dict output_attentions output_hidden_states is_decoder cross_attention_hidden_size tie_encoder_decoder
  pruned_heads chunk_size_feed_forward finetuning_task id2label label2id num_labels problem_type task_specific_params
  max_length min_length do_sample early_stopping num_beams num_beam_groups diversity_penalty temperature top_k top_p
  typical_p repetition_penalty length_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size bad_words_ids
  num_return_sequences output_scores return_dict_in_generate forced_bos_token_id forced_eos_token_id
  remove_invalid_values exponential_decay_length_penalty suppress_tokens begin_suppress_tokens tf_legacy_loss`.split(/\s+/),
)
