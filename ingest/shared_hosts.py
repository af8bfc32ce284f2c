"""Hosts whose addresses prove little: many parties share them. Data for `ingest/identity`."""

from __future__ import annotations

from ingest.wording import words

CONTENT_HOSTS = words("""
    amazon.com archive.org archive.ph bit.ly bsky.app buymeacoffee.com buttondown.com calendly.com crunchbase.com
    discord.com discord.gg docs.google.com drive.google.com dev.to en.wikipedia.org eventbrite.com facebook.com fb.com
    figma.com forms.gle gist.github.com gitter.im goo.gl groups.google.com hackernoon.com i.imgur.com i.redd.it
    imgur.com instagram.com ko-fi.com kickstarter.com linkedin.com lnkd.in loom.com mastodon.social medium.com meetup.com
    news.google.com notion.so opencollective.com patreon.com paypal.com pinterest.com preview.redd.it quora.com
    raw.githubusercontent.com scholar.google.com semanticscholar.org signal.group slack.com slideshare.net spotify.com
    stackoverflow.com substack.com t.co t.me telegram.me threads.net tiktok.com tinyurl.com trello.com tumblr.com
    twitch.tv user-images.githubusercontent.com v.redd.it vimeo.com web.archive.org whatsapp.com wikipedia.org
    workspace.google.com x.com youtube.com youtu.be
    """)
"""Sites of posts, profiles, videos, invitations and short links: an address there never names a tool."""

BIG_DOMAINS = words("""
    adobe.com ai.google ai.meta.com alibaba.com amazon.com anthropic.com apple.com aws.amazon.com azure.com
    azure.microsoft.com baidu.com bytedance.com cloud.google.com cloudflare.com cohere.com databricks.com
    deepmind.com deepmind.google deepseek.com developer.nvidia.com developers.google.com google.com ibm.com intel.com
    meta.com microsoft.com mistral.ai moonshot.ai mozilla.org netflix.com nvidia.com openai.com oracle.com perplexity.ai
    qwen.ai salesforce.com samsung.com shopify.com snowflake.com stability.ai stanford.edu tencent.com together.ai
    uber.com x.ai
    """)
"""Makers of many products: the bare root names the maker, a page below it may name a product."""

HOSTING_SUFFIXES = words("""
    azurewebsites.net base44.app blogspot.com bolt.host carrd.co cloudfront.net deno.dev firebaseapp.com fly.dev
    framer.ai framer.app framer.website github.io gitbook.io gitlab.io glitch.me gradio.live herokuapp.com hf.space
    itch.io lovable.app mintlify.app neocities.org netlify.app ngrok.app ngrok.io notion.site onrender.com pages.dev
    railway.app readthedocs.io repl.co replit.app replit.dev s3.amazonaws.com streamlit.app surge.sh typedream.app
    up.railway.app v0.app vercel.app vercel.sh web.app webflow.io wixsite.com wordpress.com workers.dev
    """)
"""Hosting under whose name everybody gets a host of their own (the private section of the Public Suffix List)."""
