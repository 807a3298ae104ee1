#!/bin/sh
# An environment for each library that tidewire is compared with, and one with tidewire alone, for its size.
# usage: benchmarks/peer_environments.sh PYTHON
set -e
cd "$(dirname "$0")/.."
for peer in openai==3.57.0 anthropic==2.14.0 langchain-openai langchain-anthropic litellm pydantic-ai-slim[openai] .; do
	case $peer in
		.) name=tidewire ;;
		pydantic-ai*) name=pydantic-ai ;;
		*) name=${peer%%==*} ;;
	esac
	environment=benchmarks/.envs/$name
	test -e "$environment/.made" && continue
	"$1" -m venv --clear "$environment"
	if "$environment/bin/python" -m pip install -qq "$peer"; then touch "$environment/.made"; else echo "no $name" >&2; fi
done
