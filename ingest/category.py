"""Categories: where a tool belongs, by a small table of the sources' own categories and of words.

Every hit gives its category points: the source's own category (pipeline tag, arXiv category, topic) six, a word in the
name three, in the tagline two, in a tag two, in the first 500 characters of the summary one. Most points win; of equals the
one that stands first in the table. Without any hit the kind of thing decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.category import OTHER
from core.sighting import Sighting, Thing
from ingest.lexicon import Lexicon

_OWN = 6
_NAME, _TAGLINE, _TAG, _SUMMARY = 3, 2, 2, 1
_SUMMARY_READ = 500

_OWN_CATEGORIES: Mapping[str, str] = {
    "text-generation": "language-models",
    "feature-extraction": "search-and-retrieval",
    "sentence-similarity": "search-and-retrieval",
    "text-ranking": "search-and-retrieval",
    "image-text-to-text": "vision-language-models",
    "visual-question-answering": "vision-language-models",
    "document-question-answering": "vision-language-models",
    "video-text-to-text": "vision-language-models",
    "image-to-text": "vision-language-models",
    "any-to-any": "vision-language-models",
    "text-to-image": "image-and-video",
    "image-to-image": "image-and-video",
    "image-text-to-image": "image-and-video",
    "image-to-video": "image-and-video",
    "text-to-video": "image-and-video",
    "video-to-video": "image-and-video",
    "image-segmentation": "image-and-video",
    "object-detection": "image-and-video",
    "text-to-speech": "speech-and-audio",
    "text-to-audio": "speech-and-audio",
    "automatic-speech-recognition": "speech-and-audio",
    "audio-to-audio": "speech-and-audio",
    "audio-text-to-text": "speech-and-audio",
    "audio-classification": "speech-and-audio",
    "voice-activity-detection": "speech-and-audio",
    "text-to-3d": "robotics-and-3d",
    "image-to-3d": "robotics-and-3d",
    "robotics": "robotics-and-3d",
    "reinforcement-learning": "robotics-and-3d",
    "tabular-classification": "data",
    "time-series-forecasting": "data",
    "cs.ro": "robotics-and-3d",
    "cs.se": "coding",
    "cs.ir": "search-and-retrieval",
    "cs.sd": "speech-and-audio",
    "eess.as": "speech-and-audio",
    "cs.db": "data",
    "cs.dc": "infrastructure",
    "cs.ma": "agents",
    "developer-tools": "coding",
    "productivity": "productivity",
}

_WORDS: Mapping[str, str] = {
    "speech-and-audio": r"speech, voices?, audio, tts, asr, transcri\w+, podcasts?, music, whisper, dictation, sound",
    "vision-language-models": r"vision language, vlms?, multimodal models?, ocr, visual question, image text",
    "image-and-video": r"images?, videos?, photos?, diffusion, avatars?, animation, camera",
    "coding": (
        r"code|codes|coding|coder|coders, developers?, ide, pull requests?, debug\w*, refactor\w*, git, github, sdk, cli,"
        r"terminal, tests|testing, swe, vibecoding"
    ),
    "agents": (r"agents?, agentic, autonomous, computer use, browser automation, mcp, tool use, skills?, harness"),
    "search-and-retrieval": (
        r"search, retriev\w+, rag, embeddings?, rerank\w*, vector db|database|store, knowledge base"
    ),
    "robotics-and-3d": (
        r"robot\w*, embodied, 3d, gaussian splat\w*, world models?, simulat\w+, vla, autonomous driving"
    ),
    "data": (r"datasets?, data, sql, spreadsheets?, analytics, etl, labell?ing, annotation, tabular, time series"),
    "infrastructure": (
        r"inference, gpus?, serving, quanti[sz]\w+, kernels?, cuda, deploy\w*, runtime, on device, edge, observability,"
        r"gateway, proxy, orchestrat\w+, local llms?, finetun\w+, fine tun\w+, training framework"
    ),
    "productivity": (
        r"notes?, meetings?, emails?, e mails?, calendars?, writing, documents?, slides, presentations?, crm, sales,"
        r"marketing, assistants?, workflows?, browser, chat"
    ),
    "language-models": (
        r"llms?, language models?, gpt, reasoning models?, foundation models?, chat models?, moe, transformers?,"
        r"pretrain\w+"
    ),
    "research": r"benchmark\w*, survey, theor\w+, evaluation, analysis of, towards, empirical, study",
}
_LEXICON = Lexicon(_WORDS)
_ORDER = {slug: place for place, slug in enumerate(_WORDS)}

_BY_THING = {
    Thing.MODEL: "language-models",
    Thing.DATASET: "data",
    Thing.PAPER: "research",
}

_TOPIC = Lexicon(
    {
        "ai": (
            r"ai, a i, agi, gpt\w*, llms?, vlms?, rag, mcp, \w*agents?, agentic, machine learning, deep learning, ml, neural,"
            r"nlp, diffusion, transformers?, chatbots?, copilots?, claude, openai, anthropic, gemini, llama, qwen\w*,"
            r"mistral, deepseek, ollama, huggingface, hugging face, embeddings?, inference, finetun\w+, fine tun\w+,"
            r"prompts?, language models?, foundation models?, text to \w+, speech recognition, computer vision, generative,"
            r"vibecod\w+, vibe cod\w+, [a-z][a-z]+gpt, gguf, lora, multimodal"
        )
    }
)
_OF_AI_BY_NATURE = {Thing.MODEL, Thing.DATASET, Thing.SPACE, Thing.PAPER}


def categorise(sightings: Iterable[Sighting]) -> str:
    """The slug of the category (core/category) that all sightings of one tool speak for together."""
    seen = sorted(sightings, key=lambda one: (one.source, one.external_id))
    points: dict[str, int] = {}
    for sighting in seen:
        _add_points(points, sighting)
    if points:
        return min(points, key=lambda slug: (-points[slug], _ORDER.get(slug, len(_ORDER)), slug))
    return next((_BY_THING[one.thing] for one in seen if one.thing in _BY_THING), OTHER)


def _add_points(points: dict[str, int], sighting: Sighting) -> None:
    """Add what one sighting speaks for."""
    own = _OWN_CATEGORIES.get(sighting.category.lower()) if sighting.category else None
    if own:
        points[own] = points.get(own, 0) + _OWN
    texts = (
        (sighting.name, _NAME),
        (sighting.tagline, _TAGLINE),
        (" / ".join(sighting.tags), _TAG),
        (sighting.summary[:_SUMMARY_READ], _SUMMARY),
    )
    for text, weight in texts:
        for slug in _LEXICON.keys(text) if text else ():
            points[slug] = points.get(slug, 0) + weight


def is_about_ai(sightings: Iterable[Sighting]) -> bool:
    """Whether anything says that a tool is one of AI: its kind (models and papers of AI sites), or a word in its name,
    tagline, tags or summary. Launch sites present everything, art and finance included."""
    return any(
        one.thing in _OF_AI_BY_NATURE or _TOPIC.says_anything(one.name, one.tagline, " / ".join(one.tags), one.summary)
        for one in sightings
    )
