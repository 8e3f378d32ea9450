"""What a template declares, section by section, and what is said of sections that are wrong."""

from __future__ import annotations

import pytest

from cfnlib.source import Limits
from cfnlib.template import Template

WEB = """\
AWSTemplateFormatVersion: 2010-09-09
Description: A site
Metadata: {Owner: me}
Parameters:
  Port: {Type: Number, Default: 80}
Mappings:
  M: {a: {b: c}}
Conditions:
  C: !Equals [!Ref Port, 80]
Resources:
  Web:
    Type: AWS::EC2::Instance
    Condition: C
    DependsOn: Disk
    DeletionPolicy: Retain
    UpdateReplacePolicy: Snapshot
    CreationPolicy: {ResourceSignal: {Count: 2}}
    UpdatePolicy: {AutoScalingRollingUpdate: {MaxBatchSize: 1}}
    Metadata: {AWS::CloudFormation::Init: {config: {}}}
    Properties: {ImageId: x}
  Disk: {Type: AWS::EC2::Volume, DependsOn: [Other, Other]}
  Other: {Type: T}
Outputs:
  Url: {Value: !Ref Web, Description: where, Condition: C, Export: {Name: url}}
"""


def said(text: str) -> list[str]:
    return [str(item).split("\n")[0] for item in Template.from_text(text, "t.yaml").diagnostics]


def test_a_template_tells_what_it_declares():
    template = Template.from_text(WEB, "web.yaml")
    assert not list(template.diagnostics)
    assert (template.text, template.file, template.description) == (WEB, "web.yaml", "A site")
    assert template.metadata.plain() == {"Owner": "me"}
    assert list(template.parameters) == ["Port"]
    assert template.mappings.plain() == {"M": {"a": {"b": "c"}}}
    assert list(template.conditions) == ["C"]
    web = template.resources["Web"]
    assert (web.logical_id, web.type, web.condition, web.depends_on) == ("Web", "AWS::EC2::Instance", "C", ("Disk",))
    assert (web.deletion_policy, web.update_replace_policy) == ("Retain", "Snapshot")
    assert web.creation_policy.plain() == {"ResourceSignal": {"Count": 2}}
    assert web.update_policy.plain() == {"AutoScalingRollingUpdate": {"MaxBatchSize": 1}}
    assert web.metadata.plain() == {"AWS::CloudFormation::Init": {"config": {}}}
    assert web.properties_node.plain() == {"ImageId": "x"}
    assert (str(web.span), str(web.type_span)) == ("web.yaml:11:3", "web.yaml:12:11")
    other = template.resources["Other"]
    assert (other.properties_node, other.metadata, other.deletion_policy) == (None, None, "Delete")
    assert template.resources["Disk"].depends_on == ("Other",)
    output = template.outputs["Url"]
    assert (output.description, output.condition, output.export_name.plain()) == ("where", "C", "url")


def test_a_stored_text_reads_to_the_same_template():
    once = Template.from_text(WEB)
    again = Template.from_text(once.text)
    assert again.root.plain() == once.root.plain()


def test_the_version_is_optional_and_a_date_in_quotes_or_not():
    assert said("Resources: {A: {Type: T}}") == []
    assert said("AWSTemplateFormatVersion: '2010-09-09'\nResources: {A: {Type: T}}") == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("AWSTemplateFormatVersion: 2010-09-10\nResources: {A: {Type: T}}",
         ["t.yaml:1:27: E105 the format version is '2010-09-10', not 2010-09-09"]),
        ("Description: x", ["t.yaml:1:1: E103 there is no section Resources"]),
        ("Resources: {}", ["t.yaml:1:12: E101 there are no resources"]),
        ("Resources: []", ["t.yaml:1:12: E101 the section Resources is a list, not a map"]),
        ("Resources:\n", ["t.yaml:1:11: E101 the section Resources is empty, not a map"]),
        ("Resources: {A: {Type: T}}\nParameter: {}", ["t.yaml:2:1: E102 there is no section 'Parameter'"]),
        ("Resources: {A: {Type: T}}\nHooks: {}", ["t.yaml:2:1: E107 the section Hooks is not supported"]),
        ("Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: T}}",
         ["t.yaml:1:12: E107 no transform 'AWS::Serverless-2016-10-31'"]),
        ("Transform: [AWS::LanguageExtensions, Mine]\nResources: {A: {Type: T}}",
         ["t.yaml:1:38: E107 no transform 'Mine'"]),
        ("Resources: {my-web: {Type: T}}",
         ["t.yaml:1:13: E106 my-web: the resource's name 'my-web' is not made of letters and digits alone"]),
        ("Resources: {A: text}", ["t.yaml:1:16: E101 A: the resource 'A' is a single value, not a map"]),
        ("Resources: {A: {Properties: {}}}", ["t.yaml:1:13: E101 A: the resource has no Type"]),
        ("Resources: {A: {Type: [T]}}", ["t.yaml:1:23: E101 A: Type is a list, not a text"]),
        ("Resources: {A: {Type: T, Propertys: {}}}",
         ["t.yaml:1:26: E101 A: a resource has no attribute 'Propertys'"]),
        ("Resources: {A: {Type: T, Properties: []}}", ["t.yaml:1:38: E101 A: Properties is a list, not a map"]),
        ("Resources: {A: {Type: T, DependsOn: {}}}",
         ["t.yaml:1:37: E101 A: DependsOn is a map, not a text or a list"]),
        ("Resources: {A: {Type: T, DependsOn: [[B]]}}",
         ["t.yaml:1:38: E101 A: DependsOn has a list in it, not a text"]),
        ("Resources: {A: {Type: T, DeletionPolicy: Keep}}",
         ["t.yaml:1:42: E101 A: the DeletionPolicy 'Keep' is not known"]),
        ("Resources: {A: {Type: T, UpdateReplacePolicy: RetainExceptOnCreate}}",
         ["t.yaml:1:47: E101 A: the UpdateReplacePolicy 'RetainExceptOnCreate' is not known"]),
        ("Mappings: {M: {a: b}}\nResources: {A: {Type: T}}",
         ["t.yaml:1:19: E101 'a' of the mapping 'M' is a single value, not a map"]),
        ("Mappings: {M: {a: {b: {c: d}}}}\nResources: {A: {Type: T}}",
         ["t.yaml:1:23: E101 the mapping 'M' is deeper than two keys"]),
        ("Resources: {A: {Type: T}}\nOutputs: {O: {Description: x}}",
         ["t.yaml:2:11: E101 O: the output has no Value"]),
        ("Resources: {A: {Type: T}}\nOutputs: {O: {Value: x, Valeu: y}}",
         ["t.yaml:2:25: E101 O: unknown key 'Valeu' in the output"]),
        ("Resources: {A: {Type: T}}\nOutputs: {O: {Value: x, Export: {}}}",
         ["t.yaml:2:33: E101 O: the Export has no Name"]),
        ("Description: [x]\nResources: {A: {Type: T}}", ["t.yaml:1:14: E101 Description is a list, not a text"]),
        ("Rules: {R: {}}\nResources: {A: {Type: T}}", ["t.yaml:1:12: E101 the rule has no Assertions"]),
        ("Rules: {R: {Assertions: [{Assertt: x}]}}\nResources: {A: {Type: T}}",
         ["t.yaml:1:26: E101 the assertion has no Assert",
          "t.yaml:1:27: E101 unknown key 'Assertt' in the assertion"]),
    ],
)  # fmt: skip
def test_a_wrong_section_is_said_at_its_place(text, lines):
    assert said(text) == lines


def test_a_misspelled_attribute_is_hinted():
    (fault,) = Template.from_text("Resources: {A: {Type: T, Propertys: {}}}").diagnostics
    assert fault.hint == "did you mean Properties?"


def test_a_text_that_is_no_template_is_a_template_with_faults():
    for text in ("", "- a", "a: [", "{"):
        template = Template.from_text(text)
        assert template.root is None
        assert template.diagnostics.errors
        assert template.check().errors
        assert template.resources == {}


def test_resources_can_be_many_and_be_limited():
    text = "Resources:\n" + "".join(f"  R{n}: {{Type: T}}\n" for n in range(600))
    assert not list(Template.from_text(text).diagnostics)
    (fault,) = Template.from_text(text, max_resources=500).diagnostics
    assert fault.code.value == "E104"
    assert [item.code.value for item in Template.from_text(text, limits=Limits(max_bytes=100)).diagnostics] == [
        "E003"
    ]


def test_a_file_is_read_and_rendered(tmp_path):
    path = tmp_path / "many.yaml.j2"
    path.write_text("Resources:\n{% for n in range(count) %}  R{{ n }}: {Type: T}\n{% endfor %}")
    template = Template.from_file(path, variables={"count": 3})
    assert list(template.resources) == ["R0", "R1", "R2"]
    assert template.file == str(path)
    assert "R2" in template.text
    assert Template.from_file(path).diagnostics.errors


def test_a_notebook_shows_a_table_with_everything_escaped_and_secrets_masked():
    text = """\
Description: <script>alert(1)</script>
Parameters: {Key: {Type: String, NoEcho: true, Default: hunter2}, Size: {Type: String, Default: "<b>"}}
Resources: {Web: {Type: "<i>"}}
"""
    page = Template.from_text(text)._repr_html_()
    assert "<td>Web</td><td>&lt;i&gt;</td><td>3</td>" in page
    assert "&lt;b&gt;" in page
    assert "****" in page
    assert "hunter2" not in page
    assert "<script>" not in page
