/**
 * The chat template in Jinja: how a conversation becomes the text that a model of the DeepSeek-V3 family reads.
 *
 * The layout is that of the released template: the beginning-of-text token, the system prompts, then each turn behind its
 * marker; an assistant's turn ends with the end-of-text token, tool calls and tool outputs stand in brackets of their own,
 * and an answer to tool outputs needs no new marker. The wording is ours; a test holds it against the released one. What
 * tokenizer_config.json carries and what training and serving render is this string.
 */
import { specialTokens as token } from './tokenizer/special-tokens.ts'

/** Renders with `messages`, `bos_token`, `eos_token` and `add_generation_prompt`. */
export const v3ChatTemplate = `{%- set ns = namespace(system='', outputs_open=false) -%}
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
