"""Mistakes of new users, each a replacement in a good spec, and who or what mends it.

A mistake is obeyed by `--fix`, by `--unsafe-fixes`, or by hand: by writing what the remedy says.
"""

from __future__ import annotations

from typing import NamedTuple

GOOD = """\
tokenizer: {backend: byte}
architecture:
  family: llama
  n_layers: 2
  n_embd: 64
  n_head: 4
  vocab_size: 512
  block_size: 128
training:
  batch_size: 8
  warmup_pct: 0.01
  per_device_batch_size: -1
  pre_lora_tokens: [400_384]
  pre_lora_dataset: [[{name: pystdlib, rate: 1.0, style: PMD}]]
  post_lora_tokens: [51_200]
  post_lora_dataset: [[{name: pydoc, rate: 1.0, style: PADDED}]]
optimization:
  lr: 3.0e-4
  grad_clip: 1.0
  lora: {rank: 4, alpha: 8, target_modules: [attn, mlp]}
logging: {report_interval: 5, checkpoint_interval: 50, validation_interval: 50, wandb: false}
"""
LORA = "  post_lora_tokens: [51_200]\n  post_lora_dataset: [[{name: pydoc, rate: 1.0, style: PADDED}]]\n"
ADAPTERS = "  lora: {rank: 4, alpha: 8, target_modules: [attn, mlp]}\n"
SAFE, UNSAFE = "--fix", "--unsafe-fixes"


class Mistake(NamedTuple):
    """What is written in place of what; a part of the finding; who obeys it, or the text that it says to write."""

    name: str
    instead_of: str
    written: str
    says: str
    obeyed: str

    @property
    def spec(self) -> str:
        assert self.instead_of in GOOD
        text = GOOD.replace(self.instead_of, self.written, 1)
        return text.replace(ADAPTERS, "") if self.instead_of == LORA else text


NUMBERS = [
    Mistake("percent", "rate: 1.0, style: PMD", "rate: 100%, style: PMD", "write 1", SAFE),
    Mistake("percent of steps", "warmup_pct: 0.01", "warmup_pct: 5 %", "write 0.05", SAFE),
    Mistake("percent as a number", "warmup_pct: 0.01", "warmup_pct: 5", "5 % is 0.05", UNSAFE),
    Mistake("decimal comma", "warmup_pct: 0.01", "warmup_pct: 0,05", "write 0.05", SAFE),
    Mistake("thousands", "vocab_size: 512", "vocab_size: 4,096", "write 4_096", SAFE),
    Mistake("thousands with points", "[400_384]", "[4.194.304]", "write 4_194_304", SAFE),
    Mistake("power", "block_size: 128", "block_size: 2^7", "write 128", SAFE),
    Mistake("product", "block_size: 128", "block_size: 2 * 64", "write 128", SAFE),
    Mistake("decimal comma in braces", "rate: 1.0, style: PMD", "rate: 1,0, style: PMD", "write 1.0", SAFE),
    Mistake(
        "rate with a comma in braces", "{rank: 4, alpha: 8,", "{rank: 4, lr: 1,0e-4, alpha: 8,", "write 1.0e-4", SAFE
    ),
    Mistake("thousands in braces", "logging:", "checkpoint: {keep: 1,000,000}\nlogging:", "write 1_000_000", SAFE),
    Mistake("unit behind", "batch_size: 8", "batch_size: 8 rows", "write 8", SAFE),
    Mistake("space before the suffix", "[400_384]", "[4.096 M]", "write 4.096M", SAFE),
    Mistake("small suffix", "[400_384]", "[4.096m]", "write 4.096M", SAFE),
    Mistake("word for a suffix", "[400_384]", "[4.096 million tokens]", "write 4.096M", SAFE),
    Mistake("comma left over", "batch_size: 8\n", "batch_size: 8,\n", "write 8", SAFE),
    Mistake("comment without a space", "batch_size: 8\n", "batch_size: 8#fits\n", "write 8  # fits", SAFE),
    Mistake("quotes", "batch_size: 8\n", 'batch_size: "8"\n', "without quotes", SAFE),
]
WORDS = [
    Mistake(
        "never as 0",
        "checkpoint_interval: 50",
        "checkpoint_interval: 0",
        "write never, or a whole number",
        UNSAFE,
    ),
    Mistake(
        "never as -1",
        "validation_interval: 50",
        "validation_interval: -1",
        "write never, or a whole number",
        UNSAFE,
    ),
    Mistake("never as off", "checkpoint_interval: 50", "checkpoint_interval: off", "write never", SAFE),
    Mistake("null as 0", "grad_clip: 1.0", "grad_clip: 0", "write null, or a number, above 0", UNSAFE),
    Mistake("null as None", "grad_clip: 1.0", "grad_clip: None", "write null", SAFE),
    Mistake("-1 as auto", "per_device_batch_size: -1", "per_device_batch_size: auto", "write -1", SAFE),
    Mistake("false as 0", "wandb: false", "wandb: 0", "write false", SAFE),
    Mistake("grouped", "style: PMD", "style: grouped", "write PACKED, several whole examples a row", "style: PMD"),
    Mistake("other family", "family: llama", "family: qwen2", "write gpt, llama or qwen3,", "family: llama"),
    Mistake("family with its version", "family: llama", "family: llama3", "write llama", SAFE),
    Mistake("other decoder", "family: llama", "family: gptj", "write gpt, llama or qwen3,", "family: gpt"),
]
LETTERS = [
    Mistake("no-break space behind the colon", "batch_size: 8", "batch_size:\u00a08", "U+00A0 NO-BREAK SPACE in", SAFE),
    Mistake("no-break spaces that indent", "  batch_size: 8", "\u00a0\u00a0batch_size: 8", "columns 1 and 2", SAFE),
    Mistake("no-break space in braces", "{backend: byte}", "{backend:\u00a0byte}", "U+00A0 NO-BREAK SPACE", SAFE),
    Mistake("no-break space alone", "{backend: byte}", "\n  backend:\u00a0byte", "U+00A0 NO-BREAK SPACE", SAFE),
    Mistake("zero width space", "batch_size", "batch\u200b_size", "U+200B ZERO WIDTH SPACE as letter 6", SAFE),
    Mistake("Cyrillic letter in a key", "batch_size", "b\u0430tch_size", "U+0430 CYRILLIC SMALL LETTER A", SAFE),
    Mistake("Cyrillic letter in a choice", "family: llama", "family: ll\u0430ma", "write a (U+0061): llama", SAFE),
    Mistake("Cyrillic letter in a target", "mlp]", "ml\u0440]", "U+0440 CYRILLIC SMALL LETTER ER", SAFE),
    Mistake("en dash", "device_batch_size: -1", "device_batch_size: \u20131", "U+2013 EN DASH as letter 1", SAFE),
    Mistake("minus sign", "lr: 3.0e-4", "lr: 3.0e\u22124", "write - (U+002D): 3.0e-4", SAFE),
    Mistake("curly quotes", "{backend: byte}", "{backend: \u201cbyte\u201d}", "U+201C LEFT DOUBLE", SAFE),
    Mistake("curly quotes around a number", "batch_size: 8", "batch_size: \u20188\u2019", "write 8, without", SAFE),
    Mistake("byte order mark within", "optimization:", "\ufeffoptimization:", "U+FEFF ZERO WIDTH NO-BREAK", SAFE),
    Mistake("full-width colon", "batch_size: 8", "batch_size\uff1a8", "U+FF1A FULLWIDTH COLON in column", SAFE),
    Mistake("full-width digits", "batch_size: 8", "batch_size: \uff18", "U+FF18 FULLWIDTH DIGIT EIGHT", SAFE),
    Mistake("curly quotes around a path", "logging:", "data: {root: \u201cx\u201d}\nlogging:", "write x,", UNSAFE),
    Mistake("Cyrillic letter in a path", "logging:", "data: {root: d\u0430ta}\nlogging:", "write a (U+0061)", UNSAFE),
]
SYNTAX = [
    Mistake("no space behind the colon", "batch_size: 8", "batch_size:8", "write batch_size: 8", SAFE),
    Mistake("no space in braces", "rate: 1.0, style: PMD", "rate:1.0, style: PMD", "write rate: 1.0", SAFE),
    Mistake("no space in a section", "{backend: byte}", "\n  backend:byte", "write backend: byte", SAFE),
    Mistake(
        "no space in a whole section",
        "  lr: 3.0e-4\n  grad_clip: 1.0\n  lora: {rank: 4, alpha: 8, target_modules: [attn, mlp]}",
        "  lr:3.0e-4\n  grad_clip:1.0",
        "write lr: 3.0e-4, and so in 1 other line",
        SAFE,
    ),
    Mistake("tab behind the colon", "batch_size: 8", "batch_size:\t8", "write a space", SAFE),
    Mistake("tab that indents", "  batch_size: 8", "\tbatch_size: 8", "write 2 spaces", UNSAFE),
    Mistake("one space too many", "  warmup_pct", "   warmup_pct", "indent it by 2", UNSAFE),
    Mistake("one space too few", "  warmup_pct", " warmup_pct", "indent it by 2", UNSAFE),
    Mistake("equals sign", "batch_size: 8", "batch_size = 8", "write batch_size: 8", SAFE),
    Mistake("section without a colon", "training:", "training", "write training:", SAFE),
    Mistake("key without a colon", "batch_size: 8", "batch_size 8", "write batch_size: 8", SAFE),
    Mistake("bracket not closed", "PMD}]]", "PMD}]", "style: PMD}]]", UNSAFE),
    Mistake("brace not closed", "PMD}]]", "PMD]]", "style: PMD}]]", UNSAFE),
    Mistake("bracket too many", "PMD}]]", "PMD}]]]", "style: PMD}]]", UNSAFE),
    Mistake("comma forgotten", "rate: 1.0, style: PMD", "rate: 1.0 style: PMD", "a comma before style", SAFE),
    Mistake("key on the line of its section", "training:\n  batch", "training: batch", "on the next line", SAFE),
    Mistake("backslashes", "training:", 'data: {root: "my\\data"}\ntraining:', "write 'my\\data'", SAFE),
    Mistake("sign that YAML keeps", "training:", "data: \n  root: @data\ntraining:", "write '@data'", SAFE),
]
PATTERNS = [
    Mistake(f"unquoted {path}", "training:", f"data: {{sources: {{tales: {{path: {path}}}}}}}\ntraining:", says, SAFE)
    for path, says in (
        ("*.txt", "begins with * is an alias in YAML: quote it: write '*.txt'"),
        ("**/*.jsonl", "quote it: write '**/*.jsonl'"),
        ("[ab].txt", "begins with [ is a list in YAML: quote it: write '[ab].txt'"),
        ("{a,b}/x.txt, text: body", "begins with { is a mapping in YAML: quote it: write '{a,b}/x.txt'"),
        ("?.txt", "quote it: write '?.txt'"),
        ("*", "quote it: write '*'"),
    )
]
MIXTURE = "[[{name: pystdlib, rate: 1.0, style: PMD}]]"
TWO = "[[{name: pystdlib, rate: 0.5, style: PMD}, {name: pydoc, rate: 0.5, style: PADDED}]]"
MIXTURES = [
    Mistake("name of a dataset", MIXTURE, "pystdlib", f"write {MIXTURE}; PMD is for running text,", UNSAFE),
    Mistake("name in a list", MIXTURE, "[pystdlib]", f"write {MIXTURE}", UNSAFE),
    Mistake("name in a mixture", MIXTURE, "[[pystdlib]]", f"write {MIXTURE}", UNSAFE),
    Mistake("name below the key", MIXTURE, "\n    - pystdlib", f"write {MIXTURE}", UNSAFE),
    Mistake("names", MIXTURE, "[pystdlib, pydoc]", f"write {TWO}", UNSAFE),
    Mistake("names with commas", MIXTURE, "pystdlib, pydoc", f"write {TWO}", UNSAFE),
    Mistake("names and rates", MIXTURE, "{pystdlib: 0.5, pydoc: 0.5}", f"write {TWO}", UNSAFE),
    Mistake("an entry", MIXTURE, MIXTURE[2:-2], f"write {MIXTURE}", SAFE),
    Mistake("an entry below the key", MIXTURE, "\n    name: pystdlib\n    rate: 1.0\n    style: PMD", MIXTURE, SAFE),
    Mistake("a list of entries", MIXTURE, MIXTURE[1:-1], f"write {MIXTURE}", SAFE),
    Mistake("a bracket too many", MIXTURE, f"[{MIXTURE}]", f"write {MIXTURE}", SAFE),
    Mistake("no rate", "rate: 1.0, style: PMD", "style: PMD", "add 'rate: 1.0'", SAFE),
    Mistake("the rest of the rates", MIXTURE, TWO.replace("rate: 0.5, style: PA", "style: PA"), "rate: 0.5", UNSAFE),
    Mistake("a lone rate", "rate: 1.0, style: PMD", "rate: 0.9, style: PMD", "dataset[0] is 0.9: write 1", UNSAFE),
    Mistake("a lone rate above 1", "rate: 1.0, style: PMD", "rate: 50, style: PMD", "is 50: write 1", UNSAFE),
    Mistake("weight for rate", "rate: 1.0, style: PMD", "weight: 1.0, style: PMD", "write 'rate'", UNSAFE),
    Mistake("dataset for name", "{name: pystdlib", "{dataset: pystdlib", "write 'name'", UNSAFE),
    Mistake("a file for a name", MIXTURE, "[pystdlib.txt]", "data/sources/books/path: pystdlib.txt, and", MIXTURE),
]
FULL = f"  pre_lora_tokens: [400_384]\n  pre_lora_dataset: {MIXTURE}\n"
STAGES = f"  pre_lora_tokens: [512, 399_872]\n  pre_lora_dataset: [{MIXTURE[1:-1]}, {MIXTURE[1:-1]}]\n"
ENOUGH = "or more (10 steps of 1,024)"
PHASES = [
    Mistake("budget of two steps", "[400_384]", "[2_048]", f"write 10240 {ENOUGH}", "[10240]"),
    Mistake("budget of less than a step", "[400_384]", "[400]", f"write 10240 {ENOUGH}", "[10240]"),
    Mistake("budget of two steps of adapters", "[51_200]", "[2_048]", f"write 10240 {ENOUGH}", "[10240]"),
    Mistake("stage of less than a step", FULL, STAGES, "write 1024 or more (1 step of 1,024)", UNSAFE),
    Mistake("phase full alone", LORA, "", "write training/post_lora_tokens: [] to leave it out", UNSAFE),
]
TARGETS = "[attn, mlp]"
ADAPTED = [
    Mistake("all", TARGETS, "all", "write all-linear", UNSAFE),
    Mistake("all in a list", TARGETS, "[all]", "write all-linear", UNSAFE),
    Mistake("all-linear misspelt", TARGETS, "[all_linear]", "write all-linear", UNSAFE),
    Mistake("attention", TARGETS, "[attention, mlp]", "write attn", UNSAFE),
    Mistake("one target alone", TARGETS, "attn", "write a list: [attn]", UNSAFE),
    Mistake("a pattern", TARGETS, '".*(q_proj|v_proj)"', "write [q_proj, v_proj]", UNSAFE),
    Mistake("a dotted path", TARGETS, "[self_attn.q_proj, mlp]", "write q_proj", UNSAFE),
    Mistake("one matrix for three", TARGETS, "[query_key_value]", "write q_proj, k_proj, v_proj", UNSAFE),
    Mistake("the output projection's letter", TARGETS, "[q, o]", "write o_proj", "[q, o_proj]"),
]
ENDS = "logging:"
AT_LENGTH = [
    Mistake("a number for a list", "[400_384]", "400_384", "write a list: [400_384]", SAFE),
    Mistake("a list for a number", "rank: 4,", "rank: [4],", "write 4", SAFE),
    Mistake("lists in a list", "[400_384]", "[[400_384]]", "write 400_384", SAFE),
    Mistake("no space behind the dash", "[400_384]", "\n    -400_384", "write a list: [400_384]", UNSAFE),
    Mistake("commas in a budget", "[400_384]", "[400,384]", "write [400_384]: a comma separates", "[400_384]"),
    Mistake("commas and zeros in a budget", "[400_384]", "[4,096,000]", "write [4_096_000]", SAFE),
    Mistake("name of a tokenizer", "{backend: byte}", "byte", "write {backend: byte}", UNSAFE),
    Mistake("an encoding for a backend", "{backend: byte}", "{backend: gpt2}", "write tiktoken", "{backend: byte}"),
    Mistake("one type for two", "training:", "  dtype: bf16\ntraining:", "activation: bfloat16}", UNSAFE),
    Mistake("devices for axes", ENDS, f"mesh: 1\n{ENDS}", "write {data: 1}", UNSAFE),
    Mistake("path of a source", ENDS, f"data: {{sources: {{t: t.txt}}}}\n{ENDS}", "write {path: t.txt}", SAFE),
    Mistake("list of sources", ENDS, f"data: {{sources: [a/t.txt]}}\n{ENDS}", "write {t: {path: a/t.txt}}", UNSAFE),
    Mistake("minutes with their unit", ENDS, f"checkpoint: {{every_minutes: 10m}}\n{ENDS}", "write 10", SAFE),
    Mistake("hours", ENDS, f"checkpoint: {{every_minutes: 1h}}\n{ENDS}", "write 60", SAFE),
    Mistake("false for null", ENDS, f"export: {{gguf: false}}\n{ENDS}", "write null, or f16 or q8_0", SAFE),
    Mistake("None for null", ENDS, f"chat: {{template: None}}\n{ENDS}", "write null", SAFE),
    Mistake("true for a choice", "rank: 4,", "rank: 4, scaling: true,", "write standard or rslora", "rank: 4,"),
    Mistake("another quantization", ENDS, f"export: {{gguf: q4_0}}\n{ENDS}", "write f16 or q8_0; llama.cpp's", ENDS),
    Mistake("class for a family", "family: llama", "family: LlamaForCausalLM", "write llama", SAFE),
    Mistake("d_model", "n_embd: 64", "d_model: 64", "write n_embd", SAFE),
    Mistake("pad", "style: PADDED", "style: PAD", "write PADDED", UNSAFE),
    Mistake("comment of another language", "batch_size: 8", "batch_size: 8 // fits", "write 8  # fits", SAFE),
    Mistake("comments of JSON", "tokenizer:", "// base\ntokenizer:", "a comment begins with #", SAFE),
    Mistake("variable", "batch_size: 8", "batch_size: ${ROWS}", "--set training/batch_size=…", "batch_size: 8"),
    Mistake("template", "batch_size: 8", "batch_size: {{ rows }}", "write the value, or give it by", "batch_size: 8"),
]
LINES = [
    Mistake("a dash before a key", "  batch_size", "  - batch_size", "write batch_size without the dash", SAFE),
    Mistake(
        "dashes before keys",
        "  batch_size: 8\n  warmup_pct",
        "  - batch_size: 8\n  - warmup_pct",
        "without the dash, and so in 1 other line",
        SAFE,
    ),
    Mistake("two keys on a line", "  n_layers: 2\n  n_embd", "  n_layers: 2, n_embd", "on a line of its own", SAFE),
    Mistake("dashes without a space", MIXTURE, f"\n  -- {MIXTURE[2:-2]}", "write '- -'", SAFE),
    Mistake("comma behind a list", "[400_384]", "[400_384],", "a comma or semicolon stands behind the value", SAFE),
    Mistake("semicolon behind braces", "{backend: byte}", "{backend: byte};  # ours", "remove it", SAFE),
    Mistake("commas of JSON", f"{ENDS} {{", f"data: {{root: x}},\n{ENDS} {{wandb: false}},\nx-b: {{", "1 other", SAFE),
    Mistake("colon and equals sign", "batch_size: 8", "batch_size:= 8", "write batch_size: 8", SAFE),
    Mistake("colon and equals sign in braces", "{backend: byte}", "{backend:=byte}", "write backend: byte", SAFE),
    Mistake(
        "bracket not opened",
        TARGETS,
        TARGETS[1:],
        "write the line as lora: {rank: 4, alpha: 8, t",
        UNSAFE,
    ),
    Mistake("list not ended", "[400_384]", "[400_384, ", "write the line as pre_lora_tokens: [400_384]", UNSAFE),
    Mistake("mapping not ended", "{backend: byte}", "{backend: byte", "as tokenizer: {backend: byte}", UNSAFE),
    Mistake("quotation mark not ended", "backend: byte", "backend: 'byte", "write the line as tokenizer: {", UNSAFE),
    Mistake("apostrophe", ENDS, f"data: {{root: 'user's data'}}\n{ENDS}", 'write "user\'s data"', SAFE),
    Mistake("colon in a note", ENDS, f"x-note: why: because\n{ENDS}", "write 'why: because'", SAFE),
    Mistake("equals sign in braces", "{backend: byte}", "{backend=byte}", "write backend: byte", SAFE),
    Mistake("bullet of a list", "[400_384]", "\n    \u2022 400_384", "write a list: [400_384]", UNSAFE),
]
MISTAKES = [
    *PATTERNS,
    *NUMBERS,
    *WORDS,
    *LETTERS,
    *SYNTAX,
    *MIXTURES,
    *PHASES,
    *ADAPTED,
    *AT_LENGTH,
    *LINES,
]
