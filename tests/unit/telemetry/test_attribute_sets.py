"""Attributes that are a key: the same ones are the same key, and nothing else is."""

from shared.attributes import AttributeSet


def test_sets_of_the_same_attributes_are_one_key_in_whichever_order():
    counted = {AttributeSet({"a": "x", "b": 1}): "first"}
    counted[AttributeSet({"b": 1, "a": "x"})] = "second"
    assert list(counted.values()) == ["second"]


def test_true_and_one_are_two_keys():
    assert len({AttributeSet({"a": True}), AttributeSet({"a": 1}), AttributeSet({"a": 1.0})}) == 3


def test_the_longest_text_is_known():
    assert [AttributeSet(each).longest for each in ({}, {"a": 7}, {"a": "xy", "b": "x"})] == [0, 0, 2]
