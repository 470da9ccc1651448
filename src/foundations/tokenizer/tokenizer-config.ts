/** tokenizer_config.json: which token is which, and the chat template. */
import { v3ChatTemplate } from '../v3-chat-template.ts'

/**
 * Writes tokenizer_config.json.
 *
 * @param ids       the ids of the tokens with a role
 * @param tokens    the token of each id
 * @param maxLength longest context of the model, in tokens; left out when not given
 */
export function formatTokenizerConfig(
  ids: { readonly bos: number; readonly eos: number; readonly pad: number },
  tokens: readonly string[],
  maxLength?: number,
): string {
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    add_bos_token: false,
    add_eos_token: false,
    bos_token: tokens[ids.bos],
    eos_token: tokens[ids.eos],
    pad_token: tokens[ids.pad],
    unk_token: null,
    clean_up_tokenization_spaces: false,
    ...(maxLength === undefined ? {} : { model_max_length: maxLength }),
    chat_template: v3ChatTemplate,
  }
  return JSON.stringify(config, null, 2)
}
