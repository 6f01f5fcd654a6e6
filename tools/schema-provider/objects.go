// With REHULL_AWS_OBJECTS the stand-in also knows objects: a JSON file, type by type and id by id, with their attributes.
// Terraform can import, read and change them. It cannot make or destroy one: this program has no code for it, so a plan
// that would is seen in its apply at the latest.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// replaced lists arguments whose change makes a new object, as the documentation of provider 6 says.
var replaced = map[string][]string{
	"aws_ebs_volume":        {"availability_zone", "encrypted", "kms_key_id", "multi_attach_enabled", "snapshot_id"},
	"aws_network_interface": {"subnet_id", "interface_type"},
}

// objects is the world of one run.
type objects struct {
	path  string
	mutex sync.Mutex
}

func worldOf(path string) *objects {
	if path == "" {
		return nil
	}
	return &objects{path: path}
}

func (o *objects) load() (map[string]map[string]map[string]any, error) {
	text, err := os.ReadFile(o.path)
	if err != nil {
		return nil, err
	}
	var all map[string]map[string]map[string]any
	return all, json.Unmarshal(text, &all)
}

// find returns nil where there is no such object.
func (o *objects) find(kind, id string) (map[string]any, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	all, err := o.load()
	return all[kind][id], err
}

func (o *objects) store(kind, id string, attributes any) error {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	all, err := o.load()
	if err != nil {
		return err
	}
	changed, ok := attributes.(map[string]any)
	if !ok || all[kind][id] == nil {
		return fmt.Errorf("there is no %s %s", kind, id)
	}
	all[kind][id] = changed
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.path, text, 0o600)
}

func failed(err error) []*tfprotov5.Diagnostic {
	if err == nil {
		return nil
	}
	return []*tfprotov5.Diagnostic{{Severity: tfprotov5.DiagnosticSeverityError, Summary: err.Error()}}
}

func (s server) typeOf(kind string) tftypes.Type {
	return s.schemas.ResourceSchemas[kind].ValueType()
}

// dynamic makes a value of a resource's attributes; what is not named is null, and lists of blocks are empty.
func (s server) dynamic(kind string, attributes map[string]any) (*tfprotov5.DynamicValue, error) {
	whole := map[string]any{}
	for _, block := range s.schemas.ResourceSchemas[kind].Block.BlockTypes {
		if block.Nesting != tfprotov5.SchemaNestedBlockNestingModeSingle {
			whole[block.TypeName] = []any{}
		}
	}
	for name, value := range attributes {
		if value != nil {
			whole[name] = value
		}
	}
	text, err := json.Marshal(whole)
	if err != nil {
		return nil, err
	}
	value, err := tfprotov5.RawState{JSON: text}.UnmarshalWithOpts(s.typeOf(kind), tfprotov5.UnmarshalOpts{
		ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true},
	})
	if err != nil {
		return nil, err
	}
	made, err := tfprotov5.NewDynamicValue(s.typeOf(kind), value)
	return &made, err
}

// attributes is the way back; nil for no object.
func (s server) attributes(kind string, value *tfprotov5.DynamicValue) (map[string]any, error) {
	read, err := value.Unmarshal(s.typeOf(kind))
	if err != nil {
		return nil, err
	}
	plain, err := plain(read)
	if err != nil || plain == nil {
		return nil, err
	}
	return plain.(map[string]any), nil
}

func plain(value tftypes.Value) (any, error) {
	if value.IsNull() || !value.IsKnown() {
		return nil, nil
	}
	var text string
	var flag bool
	var number big.Float
	var list []tftypes.Value
	var fields map[string]tftypes.Value
	switch {
	case value.As(&text) == nil:
		return text, nil
	case value.As(&flag) == nil:
		return flag, nil
	case value.As(&number) == nil:
		return json.Number(number.Text('f', -1)), nil
	case value.As(&list) == nil:
		out := []any{}
		for _, one := range list {
			made, err := plain(one)
			if err != nil {
				return nil, err
			}
			out = append(out, made)
		}
		return out, nil
	}
	if err := value.As(&fields); err != nil {
		return nil, err
	}
	out := map[string]any{}
	for name, one := range fields {
		made, err := plain(one)
		if err != nil {
			return nil, err
		}
		out[name] = made
	}
	return out, nil
}

func (s server) ConfigureProvider(context.Context, *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	if s.objects == nil {
		return &tfprotov5.ConfigureProviderResponse{Diagnostics: failed(fmt.Errorf("this stand-in knows schemas only"))}, nil
	}
	return &tfprotov5.ConfigureProviderResponse{}, nil
}

func (s server) UpgradeResourceState(_ context.Context, ask *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	var attributes map[string]any
	err := json.Unmarshal(ask.RawState.JSON, &attributes)
	if err != nil {
		return &tfprotov5.UpgradeResourceStateResponse{Diagnostics: failed(err)}, nil
	}
	state, err := s.dynamic(ask.TypeName, attributes)
	return &tfprotov5.UpgradeResourceStateResponse{UpgradedState: state, Diagnostics: failed(err)}, nil
}

func (s server) ImportResourceState(_ context.Context, ask *tfprotov5.ImportResourceStateRequest) (*tfprotov5.ImportResourceStateResponse, error) {
	found, err := s.objects.find(ask.TypeName, ask.ID)
	if err == nil && found == nil {
		err = fmt.Errorf("there is no %s %s", ask.TypeName, ask.ID)
	}
	if err != nil {
		return &tfprotov5.ImportResourceStateResponse{Diagnostics: failed(err)}, nil
	}
	state, err := s.dynamic(ask.TypeName, found)
	return &tfprotov5.ImportResourceStateResponse{
		ImportedResources: []*tfprotov5.ImportedResource{{TypeName: ask.TypeName, State: state}}, Diagnostics: failed(err),
	}, nil
}

func (s server) ReadResource(_ context.Context, ask *tfprotov5.ReadResourceRequest) (*tfprotov5.ReadResourceResponse, error) {
	known, err := s.attributes(ask.TypeName, ask.CurrentState)
	if err != nil || known == nil {
		return &tfprotov5.ReadResourceResponse{NewState: ask.CurrentState, Diagnostics: failed(err)}, nil
	}
	id, _ := known["id"].(string)
	found, err := s.objects.find(ask.TypeName, id)
	if err != nil {
		return &tfprotov5.ReadResourceResponse{Diagnostics: failed(err)}, nil
	}
	if found == nil {
		gone, err := tfprotov5.NewDynamicValue(s.typeOf(ask.TypeName), tftypes.NewValue(s.typeOf(ask.TypeName), nil))
		return &tfprotov5.ReadResourceResponse{NewState: &gone, Diagnostics: failed(err)}, nil
	}
	state, err := s.dynamic(ask.TypeName, found)
	return &tfprotov5.ReadResourceResponse{NewState: state, Diagnostics: failed(err)}, nil
}

func (s server) PlanResourceChange(_ context.Context, ask *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	answer := &tfprotov5.PlanResourceChangeResponse{PlannedState: ask.ProposedNewState, UnsafeToUseLegacyTypeSystem: true}
	before, err := s.attributes(ask.TypeName, ask.PriorState)
	if err != nil {
		return &tfprotov5.PlanResourceChangeResponse{Diagnostics: failed(err)}, nil
	}
	after, err := s.attributes(ask.TypeName, ask.ProposedNewState)
	if err != nil || before == nil || after == nil {
		answer.Diagnostics = failed(err)
		return answer, nil
	}
	// For the provider's SDK an argument that is left out and one that is empty are the same.
	for name, was := range before {
		if after[name] == nil && (was == false || was == "" || was == json.Number("0")) {
			after[name] = was
		}
	}
	for _, name := range replaced[ask.TypeName] {
		was, _ := json.Marshal(before[name])
		is, _ := json.Marshal(after[name])
		if string(was) != string(is) {
			answer.RequiresReplace = append(answer.RequiresReplace, tftypes.NewAttributePath().WithAttributeName(name))
		}
	}
	// The provider computes all tags from the tags and its defaults, of which there are none here. What is ignored in the
	// one has to be ignored in the other.
	if tags, has := after["tags"]; has {
		after["tags_all"] = tags
	}
	planned, err := s.dynamic(ask.TypeName, after)
	answer.PlannedState, answer.Diagnostics = planned, failed(err)
	return answer, nil
}

func (s server) ApplyResourceChange(_ context.Context, ask *tfprotov5.ApplyResourceChangeRequest) (*tfprotov5.ApplyResourceChangeResponse, error) {
	before, err := s.attributes(ask.TypeName, ask.PriorState)
	if err != nil {
		return &tfprotov5.ApplyResourceChangeResponse{Diagnostics: failed(err)}, nil
	}
	after, err := s.attributes(ask.TypeName, ask.PlannedState)
	if err == nil && (before == nil || after == nil) {
		err = fmt.Errorf("this stand-in neither makes nor destroys a %s", ask.TypeName)
	}
	if err == nil {
		id, _ := before["id"].(string)
		err = s.objects.store(ask.TypeName, id, after)
	}
	return &tfprotov5.ApplyResourceChangeResponse{NewState: ask.PlannedState, UnsafeToUseLegacyTypeSystem: true, Diagnostics: failed(err)}, nil
}
