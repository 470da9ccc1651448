/**
 * tokenizer_config.json: which token is which, and the chat template in Jinja.
 *
 * The layout of a conversation is that of the released DeepSeek-V3 template: the beginning-of-text token, the system
 * prompts, then each turn behind its marker; an assistant's turn ends with the end-of-text token, tool calls and tool
 * outputs stand in brackets of their own, and an answer to tool outputs needs no new marker.
 */
import { specialTokens as token } from './special-tokens.ts'

const chatTemplate = `
{%- set ns = namespace(system='', outputs_open=false) -%}
{%- for message in messages if message['role'] == 'system' -%}
  {%- set ns.system = ns.system + ('' if loop.first else '\\n\\n') + message['content'] -%}
{%- endfor -%}
{{- bos_token + ns.system -}}
{%- for message in messages -%}
  {%- if ns.outputs_open and message['role'] != 'tool' -%}
    {{- '${token.toolOutputsEnd}' -}}
  {%- endif -%}
  {%- if message['role'] == 'user' -%}
    {{- '${token.user}' + message['content'] -}}
  {%- elif message['role'] == 'assistant' -%}
    {%- if not ns.outputs_open -%}
      {{- '${token.assistant}' -}}
    {%- endif -%}
    {{- message['content'] or '' -}}
    {%- if message['tool_calls'] -%}
      {{- '${token.toolCallsBegin}' -}}
      {%- for call in message['tool_calls'] -%}
        {{- ('' if loop.first else '\\n') + '${token.toolCallBegin}' + call['type'] + '${token.toolSeparator}' + call['function']['name'] -}}
        {{- '\\n\`\`\`json\\n' + call['function']['arguments'] + '\\n\`\`\`${token.toolCallEnd}' -}}
      {%- endfor -%}
      {{- '${token.toolCallsEnd}' -}}
    {%- endif -%}
    {{- eos_token -}}
  {%- elif message['role'] == 'tool' -%}
    {{- '\\n' if ns.outputs_open else '${token.toolOutputsBegin}' -}}
    {{- '${token.toolOutputBegin}' + message['content'] + '${token.toolOutputEnd}' -}}
  {%- endif -%}
  {%- set ns.outputs_open = message['role'] == 'tool' or (ns.outputs_open and message['role'] == 'system') -%}
{%- endfor -%}
{%- if ns.outputs_open -%}
  {{- '${token.toolOutputsEnd}' -}}
{%- elif add_generation_prompt -%}
  {{- '${token.assistant}' -}}
{%- endif -%}`

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
    chat_template: chatTemplate.trimStart(),
  }
  return JSON.stringify(config, null, 2)
}
