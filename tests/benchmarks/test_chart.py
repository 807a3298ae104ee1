"""The chart of the performance page."""

from xml.etree import ElementTree

from benchmarks.chart import draw


def test_the_chart_has_a_bar_for_each_contestant_in_the_order_of_their_costs() -> None:
    svg = ElementTree.fromstring(draw({"slow & steady": 250.0, "tidewire": 3.1, "aiohttp": 2.3}))
    texts = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")][2:]
    assert texts == ["bare aiohttp + msgspec", "2.3", "tidewire", "3.1", "slow & steady", "250"]
    widths = [float(bar.attrib["width"]) for bar in svg.iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert widths == sorted(widths)
